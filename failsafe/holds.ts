import type { Clock, Millis, UnixMs } from '../model/time.ts'
import { type Condition, describeCondition, inputOf, judge } from './condition.ts'
import type { Monitor } from './monitor.ts'

/** How long an actuator is kept in its safe state once it is there: a time and a measured value. */
export interface HoldRule {
  readonly atLeast: Millis
  /** And until this holds: thermal inertia is not told by a clock. */
  readonly until: Condition
}

/**
 * Holds: an actuator that went to its safe state stays there until its time is over and the measured value is where it must
 * be, whatever an operator's credential says. A value that cannot be read keeps the hold.
 */
export class Holds {
  readonly #rules: ReadonlyMap<string, HoldRule>
  readonly #monitor: Pick<Monitor, 'latest'>
  readonly #clock: Clock
  readonly #onChange: () => void
  /** Since when each has been held. */
  readonly #since = new Map<string, UnixMs>()

  constructor(
    rules: ReadonlyMap<string, HoldRule>,
    monitor: Pick<Monitor, 'latest'>,
    clock: Clock,
    onChange: () => void,
  ) {
    this.#rules = rules
    this.#monitor = monitor
    this.#clock = clock
    this.#onChange = onChange
  }

  /** The actuator goes to its safe state, or was seen there: its time begins. */
  begin(actuator: string): void {
    if (!this.#rules.has(actuator)) return
    this.#since.set(actuator, this.#clock.wall())
    this.#onChange()
  }

  /** What must survive a restart. */
  get kept(): Readonly<Record<string, UnixMs>> {
    return Object.fromEntries(this.#since)
  }

  /** Takes up the holds of an earlier run. A hold that begins in the future was kept by another clock: it begins now. */
  restore(kept: Readonly<Record<string, UnixMs>>): void {
    const now = this.#clock.wall()
    for (const [actuator, since] of Object.entries(kept)) {
      if (this.#rules.has(actuator)) this.#since.set(actuator, Math.min(since, now))
    }
  }

  /** Why the actuator must stay in its safe state, in words; undefined when it need not. */
  heldBy(actuator: string): string | undefined {
    const rule = this.#rules.get(actuator)
    const since = this.#since.get(actuator)
    if (!rule) return undefined
    const ends = since === undefined ? 0 : since + rule.atLeast
    if (this.#clock.wall() < ends)
      return `it is held in its safe state until ${new Date(ends).toISOString()} at least`
    const verdict = judge(rule.until, this.#monitor.latest(inputOf(rule.until)))
    if (verdict.kind === 'holds') return undefined
    return `it is held in its safe state: ${verdict.detail}${verdict.kind === 'unknown' ? ` (${describeCondition(rule.until)})` : ''}`
  }
}
