import type { Clock, Millis, MonotonicMs } from '../model/time.ts'
import { type Condition, describeCondition, inputOf, judge } from './condition.ts'
import type { Monitor } from './monitor.ts'

/** How long an actuator is kept in its safe state once it is there: a time and a measured value. */
export interface HoldRule {
  readonly atLeast: Millis
  /** And until this holds: thermal inertia is not told by a clock. */
  readonly until: Condition
}

/** How far a hold has come is written down so often: so much is held again, at most, after a crash. */
const KEEP_EVERY: Millis = 60_000

/**
 * Holds: an actuator that went to its safe state stays there until its time is over and the measured value is where it must
 * be, whatever an operator's credential says. A value that cannot be read keeps the hold.
 *
 * The time is one that this agent has watched go by: no wall clock that was wrong, or is set, makes it shorter. What passes while no
 * agent runs does not count, because nobody knows where the actuator was then.
 */
export class Holds implements AsyncDisposable {
  readonly #rules: ReadonlyMap<string, HoldRule>
  readonly #monitor: Pick<Monitor, 'latest'>
  readonly #clock: Clock
  readonly #onChange: () => void
  /** Until when each is held at least. */
  readonly #ends = new Map<string, MonotonicMs>()
  /** What is left of those that have no rule in this run: they hold nothing, and are not forgotten. */
  #absent: Readonly<Record<string, Millis>> = {}
  readonly #stop = new AbortController()
  #keeping: Promise<void> | undefined

  /** `onChange` hears when `kept` should be written down. */
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
    const rule = this.#rules.get(actuator)
    if (!rule) return
    this.#hold(actuator, rule.atLeast)
    this.#onChange()
  }

  /** What must survive a restart: how much of its time each has still to be held. */
  get kept(): Readonly<Record<string, Millis>> {
    const now = this.#clock.monotonic()
    const held = [...this.#ends].filter(([, ends]) => ends > now)
    return { ...this.#absent, ...Object.fromEntries(held.map(([actuator, ends]) => [actuator, ends - now])) }
  }

  /** Takes up the holds of an earlier run, each for what was left of it. */
  restore(kept: Readonly<Record<string, Millis>>): void {
    for (const [actuator, left] of Object.entries(kept)) {
      const rule = this.#rules.get(actuator)
      if (rule) this.#hold(actuator, Math.min(left, rule.atLeast))
      else this.#absent = { ...this.#absent, [actuator]: left }
    }
  }

  /** Why the actuator must stay in its safe state, in words; undefined when it need not. */
  heldBy(actuator: string): string | undefined {
    const rule = this.#rules.get(actuator)
    if (!rule) return undefined
    const left = (this.#ends.get(actuator) ?? 0) - this.#clock.monotonic()
    if (left > 0)
      return `it is held in its safe state until ${new Date(this.#clock.wall() + left).toISOString()} at least`
    const verdict = judge(rule.until, this.#monitor.latest(inputOf(rule.until)))
    if (verdict.kind === 'holds') return undefined
    return `it is held in its safe state: ${verdict.detail}${verdict.kind === 'unknown' ? ` (${describeCondition(rule.until)})` : ''}`
  }

  /** Writes down how far the holds have come. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#keeping
    if (this.#isAnyHeld) this.#onChange()
  }

  get #isAnyHeld(): boolean {
    const now = this.#clock.monotonic()
    return [...this.#ends.values()].some(ends => ends > now)
  }

  #hold(actuator: string, left: Millis): void {
    this.#ends.set(actuator, this.#clock.monotonic() + left)
    this.#keeping ??= this.#keep().finally(() => {
      this.#keeping = undefined
    })
  }

  async #keep(): Promise<void> {
    while (this.#isAnyHeld) {
      await this.#clock.sleep(KEEP_EVERY, this.#stop.signal)
      if (this.#stop.signal.aborted) return
      this.#onChange()
    }
  }
}
