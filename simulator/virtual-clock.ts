import type { Clock, Millis, MonotonicMs, UnixMs } from '../model/time.ts'

/**
 * Time that stands still until it is advanced. A plant on this clock does in a test what it did in the last one, and
 * an hour of it takes a few seconds.
 */
export class VirtualClock implements Clock {
  #elapsed = 0
  readonly #start: number
  readonly #sleepers = new Set<{ readonly due: number; wake(): void }>()

  /** `start` is the wall-clock time at which it begins. */
  constructor(start: UnixMs = Date.UTC(2026, 0, 1)) {
    this.#start = start
  }

  wall(): UnixMs {
    return this.#start + this.#elapsed
  }

  monotonic(): MonotonicMs {
    return this.#elapsed
  }

  sleep(ms: Millis, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const sleeper = {
        due: this.#elapsed + ms,
        wake: () => {
          this.#sleepers.delete(sleeper)
          signal?.removeEventListener('abort', sleeper.wake)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', sleeper.wake)
    })
  }

  /**
   * Lets `ms` pass. Each sleeper wakes at its own time, in order, and what it does then (and whatever input is already
   * there) is done before time goes on. Resolves when all of it is done.
   */
  async advance(ms: Millis): Promise<void> {
    // What was begun just now may be about to sleep: it is to be among the sleepers.
    await settled()
    const end: number = this.#elapsed + ms
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      this.#elapsed = next.due
      next.wake()
      await settled()
    }
    this.#elapsed = end
    await settled()
  }

  #nextUntil(end: number) {
    let first: { readonly due: number; wake(): void } | undefined
    for (const sleeper of this.#sleepers) {
      if (sleeper.due <= end && (first === undefined || sleeper.due < first.due)) first = sleeper
    }
    return first
  }
}

/** One turn of the event loop: every promise that could settle has settled. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
