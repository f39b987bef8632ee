import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'

/** How long somebody waits for an answer: until then, and no longer than until `stop` aborts. */
export interface Patience {
  readonly until: MonotonicMs
  readonly stop: AbortSignal | undefined
}

/** Why somebody waits no more: the deadline has passed, which is the device's fault, or the answer is not wanted. */
export type GivenUp = 'late' | 'unwanted'

/**
 * The deadlines of everything that is asked over one link, with one timer. Most requests are answered long before theirs, so that
 * a timer and a signal for each would cost more than the request: the timer is set for the earliest, and looks when it
 * rings whether anybody still waits. A signal that many wait with has one listener, because it goes through all it has for each.
 */
export class Deadlines implements Disposable {
  readonly #clock: Clock
  /** Those who wait, the earliest deadline first. Who has ended stays in it until nobody before him waits. */
  readonly #waits: Wait[] = []
  /** What they can be stopped with, and how many of them by each. */
  readonly #stops: { readonly signal: AbortSignal; waits: number }[] = []
  #timer: AbortController | undefined
  #rings: MonotonicMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Somebody waits from now on. */
  from(timeout: Millis, stop?: AbortSignal): Patience {
    return { until: this.#clock.monotonic() + timeout, stop }
  }

  /** Whether somebody need not even begin. */
  isOver({ until, stop }: Patience): boolean {
    return stop?.aborted === true || this.#clock.monotonic() >= until
  }

  /** Calls `giveUp` when somebody's patience ends, once, unless the wait has ended before. */
  watch(patience: Patience, giveUp: (why: GivenUp) => void): Wait {
    const wait = new Wait(patience, giveUp, this.#ended)
    const { until, stop } = patience
    let at = this.#waits.length
    while (at > 0 && (this.#waits[at - 1]?.patience.until ?? 0) > until) at -= 1
    if (at === this.#waits.length) this.#waits.push(wait)
    else this.#waits.splice(at, 0, wait)
    if (stop) this.#listen(stop)
    if (until < this.#rings) void this.#ring(until)
    return wait
  }

  [Symbol.dispose](): void {
    this.#timer?.abort()
  }

  readonly #ended = ({ patience: { stop } }: Wait): void => {
    if (stop) this.#unlisten(stop)
    while (this.#waits[0]?.isOver) this.#waits.shift()
  }

  #listen(signal: AbortSignal): void {
    const known = this.#stops.find(one => one.signal === signal)
    if (known) {
      known.waits += 1
      return
    }
    this.#stops.push({ signal, waits: 1 })
    signal.addEventListener('abort', this.#stopped)
  }

  #unlisten(signal: AbortSignal): void {
    const at = this.#stops.findIndex(one => one.signal === signal)
    const known = this.#stops[at]
    if (!known) return
    known.waits -= 1
    if (known.waits > 0) return
    this.#stops.splice(at, 1)
    signal.removeEventListener('abort', this.#stopped)
  }

  readonly #stopped = (): void => {
    for (const wait of [...this.#waits]) if (wait.patience.stop?.aborted) wait.giveUp('unwanted')
  }

  async #ring(at: MonotonicMs): Promise<void> {
    this.#timer?.abort()
    const timer = new AbortController()
    this.#timer = timer
    this.#rings = at
    await this.#clock.sleep(Math.max(0, at - this.#clock.monotonic()), timer.signal)
    if (timer.signal.aborted) return
    this.#rings = Number.POSITIVE_INFINITY
    const now = this.#clock.monotonic()
    for (let [wait] = this.#waits; wait && wait.patience.until <= now; [wait] = this.#waits)
      wait.giveUp('late')
    const [next] = this.#waits
    if (next && next.patience.until < this.#rings) void this.#ring(next.patience.until)
  }
}

/** One who waits. */
export class Wait {
  readonly patience: Patience
  readonly #onGivenUp: (why: GivenUp) => void
  readonly #onOver: (wait: Wait) => void
  #isOver = false

  constructor(patience: Patience, onGivenUp: (why: GivenUp) => void, onOver: (wait: Wait) => void) {
    this.patience = patience
    this.#onGivenUp = onGivenUp
    this.#onOver = onOver
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** There is nothing to wait for any more. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onOver(this)
  }

  giveUp(why: GivenUp): void {
    if (this.#isOver) return
    this.end()
    this.#onGivenUp(why)
  }
}
