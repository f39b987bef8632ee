import type { Clock } from '../model/time.ts'
import type { TripCause, TripEvidence, TripPhase, TripRecord } from '../model/trip.ts'
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
import { driveInOrder, type TripGroup, type TripStep } from './trip-group.ts'

/** Where the effects of a trip go that are not motion. None of them is waited for before the plant is safe. */
export interface TripListener {
  alarm(actuator: string, cause: TripCause, detail: string): void
  record(
    kind: TripRecordKind,
    actuator: string,
    cause: TripCause,
    detail: string,
    evidence: TripEvidence | undefined,
  ): void
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
  readonly #groups: readonly TripGroup[]
  readonly #clock: Clock
  readonly #listener: TripListener
  readonly #states = new Map<string, TripState>()
  /** Of actuators that this run does not have: nothing is done about them, and they are not forgotten. */
  #absent: Readonly<Record<string, Latch>> = {}
  readonly #drives = new Map<string, Promise<void>>()
  readonly #watches = new Map<string, { readonly ended: AbortController; readonly watching: Promise<void> }>()
  readonly #settling = new Map<string, (() => void)[]>()
  readonly #sequences = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  /** While actuators trip together: who of them is to be driven, in the order of their group, and what waits for that. */
  #together: { readonly asked: Set<string>; readonly later: (() => void)[] } | undefined

  /** When one of a group trips, all of it does, in the order of its steps. */
  constructor(
    actuators: ReadonlyMap<string, GuardedActuator>,
    groups: readonly TripGroup[],
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

  /** Whether it takes a reset to end an actuator's trip; false for one that an interlock alone began. */
  isLatched(actuator: string): boolean {
    return this.#state(actuator).latched ?? false
  }

  /** Who trips when an actuator does: its trip group, with itself. */
  tripsWith(actuator: string): readonly string[] {
    return (this.#groupOf(actuator) ?? [alone(actuator)]).map(step => step.actuator)
  }

  /** What must survive a restart. */
  get latches(): Record<string, Latch> {
    const latches: Record<string, Latch> = { ...this.#absent }
    for (const [id, { phase, record, latched }] of this.#states) {
      if (record)
        latches[id] = { record, safe: phase === 'tripped' || phase === 'resetting', latched: latched ?? true }
    }
    return latches
  }

  /**
   * Takes up the latches of an earlier run. An actuator that was seen safe stays tripped and nothing is written; one that
   * was not is driven to safe again, because that was asked for and never confirmed.
   */
  restore(latches: Readonly<Record<string, Latch>>): void {
    const asked = new Set<string>()
    for (const [id, latch] of Object.entries(latches)) {
      const { record, safe, latched } = latch
      const guarded = this.#actuators.get(id)
      if (!guarded) {
        this.#absent = { ...this.#absent, [id]: latch }
        continue
      }
      this.#states.set(id, { phase: safe ? 'tripped' : 'tripping', record, latched })
      if (safe) this.#watch(guarded)
      else asked.add(id)
    }
    this.#driveAll(asked)
  }

  /**
   * Trips an actuator and its group. Nobody has control of any of them when this returns, and the first write is on its
   * way. An interlock is of one actuator alone.
   */
  trip(actuator: string, cause: TripCause, detail: string, evidence?: TripEvidence): void {
    const at = this.#clock.wall()
    const together = { asked: new Set<string>(), later: [] as (() => void)[] }
    this.#together = together
    for (const member of cause === 'interlock' ? [actuator] : this.tripsWith(actuator)) {
      const because = member === actuator ? detail : `${detail} (tripped together with ${actuator})`
      this.#feed(member, { type: 'trip', cause, detail: because, at, ...(evidence && { evidence }) })
    }
    this.#together = undefined
    this.#driveAll(together.asked)
    for (const effect of together.later) effect()
  }

  /** Somebody has seen a trip. False when there is none, or somebody has already. */
  acknowledge(actuator: string, by: string): boolean {
    const before = this.firstOut(actuator)
    this.#feed(actuator, { type: 'acknowledged', by, at: this.#clock.wall() })
    return before !== this.firstOut(actuator)
  }

  /** What an actuator's interlocks ask for holds again: ends what they alone began. */
  interlockHealthy(actuator: string): void {
    this.#feed(actuator, { type: 'interlock-healthy' })
  }

  /**
   * Resets one tripped actuator. `durable` is asked to make the reset durable before the latch opens; when it says no, the
   * trip stays. Nothing moves: the actuator stays in its safe state until it is told otherwise.
   */
  async reset(
    actuator: string,
    durable: () => Promise<boolean>,
  ): Promise<'reset' | 'not-tripped' | 'not-acknowledged' | 'not-durable' | 'overtaken'> {
    if (this.phase(actuator) === 'tripped' && !this.firstOut(actuator)?.acknowledged)
      return 'not-acknowledged'
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
    for (const id of this.#settling.keys()) this.#settle(id)
    await Promise.all([
      ...this.#sequences,
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
    const cause = event.type === 'trip' ? event.cause : (state.record ?? before.record)?.cause
    for (const effect of effects) if (cause) this.#carryOut(actuator, cause, effect)
    if (state.phase === 'normal') this.#stopWatching(actuator)
    if (isSettled(state)) this.#settle(actuator)
  }

  /** Carries out one effect. Motion is ours; everything else is somebody's who must not be able to stand in its way. */
  #carryOut(actuator: string, cause: TripCause, effect: TripEffect): void {
    switch (effect.type) {
      case 'alarm':
        return this.#tell(() => this.#listener.alarm(actuator, cause, effect.detail))
      case 'drive':
        this.#tell(() => this.#listener.overrule(actuator, this.firstOut(actuator)?.detail ?? cause))
        if (this.#together) this.#together.asked.add(actuator)
        else this.#drive(actuator)
        return
      case 'keep-latch':
      case 'clear-latch':
        return this.#afterMotion(() => this.#listener.latchesChanged())
      case 'record':
        return this.#afterMotion(() =>
          this.#listener.record(effect.kind, actuator, cause, effect.detail, effect.evidence),
        )
    }
  }

  #afterMotion(listener: () => void): void {
    if (this.#together) this.#together.later.push(() => this.#tell(listener))
    else this.#tell(listener)
  }

  #tell(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#listener.mistake(error)
    }
  }

  #groupOf(actuator: string): TripGroup | undefined {
    return this.#groups.find(group => group.some(step => step.actuator === actuator))
  }

  /** Drives each, those of a group in its order, the groups beside each other. */
  #driveAll(asked: ReadonlySet<string>): void {
    const groups = new Set([...asked].map(id => this.#groupOf(id) ?? [alone(id)]))
    for (const group of groups) {
      const sequence = driveInOrder(group, asked, {
        clock: this.#clock,
        signal: this.#stop.signal,
        drive: id => this.#drive(id),
        settled: id => this.whenSettled(id),
      })
      this.#sequences.add(sequence)
      void sequence.finally(() => this.#sequences.delete(sequence))
    }
  }

  /** Resolves when an actuator is no longer on its way to its safe state: it is there, or has not got there in time. */
  whenSettled(actuator: string): Promise<void> {
    if (isSettled(this.#state(actuator)) || this.#stop.signal.aborted) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#settling.set(actuator, [...(this.#settling.get(actuator) ?? []), resolve])
    return promise
  }

  #settle(actuator: string): void {
    for (const resolve of this.#settling.get(actuator) ?? []) resolve()
    this.#settling.delete(actuator)
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

function isSettled({ phase }: TripState): boolean {
  return phase !== 'tripping'
}

/** A group of one, for what is in none. */
function alone(actuator: string): TripStep {
  return { actuator, after: 'written', delay: 0 }
}
