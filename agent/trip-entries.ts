import type { GuardedActuator } from '../failsafe/guarded.ts'
import type { TripRecordKind } from '../failsafe/machine.ts'
import type { AuditEntry } from '../model/audit.ts'
import type { Clock, MonotonicMs } from '../model/time.ts'
import { type TripCause, type TripEvidence, viewEvidence } from '../model/trip.ts'
import { recordedLatency } from './command/accepted.ts'

/** What happened in the course of one actuator's trip. */
export interface TripNews {
  readonly actuator: string
  readonly cause: TripCause
  readonly detail: string
}

/** What the audit log has of the trips of this run: with the safe state that is asked for, and how long it took to get there. */
export class TripEntries {
  readonly #actuators: ReadonlyMap<string, Pick<GuardedActuator, 'safe'>>
  readonly #clock: Pick<Clock, 'monotonic'>
  /** When those that are not seen in their safe state yet were first told to go there. */
  readonly #began = new Map<string, MonotonicMs>()

  constructor(
    actuators: ReadonlyMap<string, Pick<GuardedActuator, 'safe'>>,
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#actuators = actuators
    this.#clock = clock
  }

  /** `isMoving` is whether the actuator is still on its way: somebody may trip again what is safe already. */
  of(kind: TripRecordKind, of: TripNews, isMoving: boolean, evidence: TripEvidence | undefined): AuditEntry {
    const { actuator } = of
    const setpoint = this.#actuators.get(actuator)?.safe?.setpoint
    const asked = setpoint === undefined ? {} : { asked: setpoint }
    switch (kind) {
      case 'trip':
        if (isMoving && !this.#began.has(actuator)) this.#began.set(actuator, this.#clock.monotonic())
        return { kind, ...of, ...asked, ...(evidence && viewEvidence(evidence)) }
      case 'trip-safe': {
        const took = this.#took(actuator)
        this.#began.delete(actuator)
        // Who only loses control is nowhere in particular.
        const found = setpoint === undefined ? {} : { found: setpoint, outcome: 'verified' }
        return { kind, ...of, ...asked, ...found, ...took }
      }
      case 'trip-failed':
        return { kind, ...of, ...asked, ...this.#took(actuator) }
      case 'trip-safe-lost':
        this.#began.set(actuator, this.#clock.monotonic())
        return { kind, ...of, ...asked }
      case 'trip-acknowledged':
        return { kind, ...of }
      case 'interlock-ended':
        return { kind, ...of }
    }
  }

  /** Undefined where an earlier run began to drive it. */
  #took(actuator: string): { readonly latency_ms?: number } {
    const began = this.#began.get(actuator)
    return began === undefined ? {} : { latency_ms: recordedLatency(this.#clock.monotonic() - began) }
  }
}
