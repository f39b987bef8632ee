import type { Clock } from '../model/time.ts'
import type { TripCause, TripPhase, TripRecord } from '../model/trip.ts'
import { driveToSafe, watchSafe } from './drive.ts'
import type { GuardedActuator } from './guarded.ts'
import type { Latch } from './latch.ts'
import {
  NORMAL,
  step,
  type TripEffect,
  type TripEvent,
  type TripRecordKind,
  type TripState,
} from './machine.ts'

/** Where the effects of a trip go that are not motion. None of them is waited for before the plant is safe. */
export interface TripListener {
  alarm(actuator: string, cause: TripCause, detail: string): void
  record(kind: TripRecordKind, actuator: string, cause: TripCause, detail: string): void
  /** The latches have changed and should be made durable. */
  latchesChanged(): void
  /** Whatever is under way on this actuator is overruled from now on. */
  overrule(actuator: string, detail: string): void
  /** One of the above threw. The trip went on without it. */
  mistake(error: unknown): void
}

/** The trips of all actuators: feeds each one's machine and carries out what it asks. */
export class Trips implements AsyncDisposable {
  readonly #actuators: ReadonlyMap<string, GuardedActuator>
  readonly #groups: readonly (readonly string[])[]
  readonly #clock: Clock
  readonly #listener: TripListener
  readonly #states = new Map<string, TripState>()
  readonly #drives = new Map<string, Promise<void>>()
  readonly #watches = new Map<string, { readonly ended: AbortController; readonly watching: Promise<void> }>()
  readonly #stop = new AbortController()

  /** `groups` are lists of actuator ids: when one of a group trips, all of it does, in the order of the list. */
  constructor(
    actuators: ReadonlyMap<string, GuardedActuator>,
    groups: readonly (readonly string[])[],
    clock: Clock,
    listener: TripListener,
  ) {
    this.#actuators = actuators
    this.#groups = groups
    this.#clock = clock
    this.#listener = listener
  }

  phase(actuator: string): TripPhase {
    return this.#state(actuator).phase
  }

  /** The first-out cause of an actuator's trip, while there is one. */
  firstOut(actuator: string): TripRecord | undefined {
    return this.#state(actuator).record
  }

  /** What must survive a restart. */
  get latches(): Record<string, Latch> {
    const latches: Record<string, Latch> = {}
    for (const [id, { phase, record }] of this.#states) {
      if (record) latches[id] = { record, safe: phase === 'tripped' || phase === 'resetting' }
    }
    return latches
  }

  /**
   * Takes up the latches of an earlier run. An actuator that was seen safe stays tripped and nothing is written; one that
   * was not is driven to safe again, because that was asked for and never confirmed.
   */
  restore(latches: Readonly<Record<string, Latch>>): void {
    for (const [id, { record, safe }] of Object.entries(latches)) {
      const guarded = this.#actuators.get(id)
      if (!guarded) continue
      this.#states.set(id, { phase: safe ? 'tripped' : 'tripping', record })
      if (safe) this.#watch(guarded)
      else this.#drive(id)
    }
  }

  /** Trips an actuator and its group. The first write is on its way when this returns. */
  trip(actuator: string, cause: TripCause, detail: string): void {
    const at = this.#clock.wall()
    const group = this.#groups.find(members => members.includes(actuator)) ?? [actuator]
    for (const member of group) {
      const because = member === actuator ? detail : `${detail} (tripped together with ${actuator})`
      this.#feed(member, { type: 'trip', cause, detail: because, at })
    }
  }

  /**
   * Resets one tripped actuator. `durable` is asked to make the reset durable before the latch opens; when it says no, the
   * trip stays. Nothing moves: the actuator stays in its safe state until it is told otherwise.
   */
  async reset(
    actuator: string,
    durable: () => Promise<boolean>,
  ): Promise<'reset' | 'not-tripped' | 'not-durable' | 'overtaken'> {
    this.#feed(actuator, { type: 'reset-requested' })
    if (this.phase(actuator) !== 'resetting') return 'not-tripped'
    const granted = await durable()
    this.#feed(actuator, { type: granted ? 'reset-granted' : 'reset-withdrawn' })
    if (!granted) return 'not-durable'
    // A trip that came while the reset was being recorded has won.
    return this.phase(actuator) === 'normal' ? 'reset' : 'overtaken'
  }

  /** Stops driving. Devices keep what was last written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all([
      ...this.#drives.values(),
      ...[...this.#watches.values()].map(({ watching }) => watching),
    ])
  }

  #state(actuator: string): TripState {
    return this.#states.get(actuator) ?? NORMAL
  }

  #feed(actuator: string, event: TripEvent): void {
    const before = this.#state(actuator)
    const { state, effects } = step(before, event)
    this.#states.set(actuator, state)
    const cause = (state.record ?? before.record)?.cause
    for (const effect of effects) if (cause) this.#carryOut(actuator, cause, effect)
    if (state.phase === 'normal') this.#stopWatching(actuator)
  }

  /** Carries out one effect. Motion is ours; everything else is somebody's who must not be able to stand in its way. */
  #carryOut(actuator: string, cause: TripCause, effect: TripEffect): void {
    switch (effect.type) {
      case 'alarm':
        return this.#tell(() => this.#listener.alarm(actuator, cause, effect.detail))
      case 'drive':
        this.#tell(() => this.#listener.overrule(actuator, this.firstOut(actuator)?.detail ?? cause))
        return this.#drive(actuator)
      case 'keep-latch':
      case 'clear-latch':
        return this.#tell(() => this.#listener.latchesChanged())
      case 'record':
        return this.#tell(() => this.#listener.record(effect.kind, actuator, cause, effect.detail))
    }
  }

  #tell(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#listener.mistake(error)
    }
  }

  #drive(actuator: string): void {
    const guarded = this.#actuators.get(actuator)
    if (!guarded || this.#drives.has(actuator)) return
    this.#stopWatching(actuator)
    const drive = driveToSafe(guarded, this.#clock, this.#stop.signal, report => {
      // The drive ends with this report; a trip that it causes must be able to start the next.
      if (report.type === 'safe-verified') {
        this.#drives.delete(actuator)
        this.#watch(guarded)
      }
      this.#feed(actuator, report)
    })
    this.#drives.set(actuator, drive)
  }

  /** Looks at a tripped actuator until it is reset, driven again or the agent stops. */
  #watch(guarded: GuardedActuator): void {
    const ended = new AbortController()
    const signal = AbortSignal.any([ended.signal, this.#stop.signal])
    const watching = watchSafe(guarded, this.#clock, signal, report => {
      if (!signal.aborted) this.#feed(guarded.id, report)
    })
    this.#watches.set(guarded.id, { ended, watching })
  }

  #stopWatching(actuator: string): void {
    this.#watches.get(actuator)?.ended.abort()
    this.#watches.delete(actuator)
  }
}
