import type { Millis, MonotonicMs } from '../../model/time.ts'

/** A rate: at most so many in any stretch of so long, after a first burst of that many. */
export interface Rate {
  readonly requests: number
  readonly period: Millis
}

const SWEEP_EVERY: Millis = 1000

/**
 * Limits how often each of many keys may do something, by the generic cell rate algorithm (ITU-T I.371 annex A): one
 * number is kept for each key, the time at which it would be back to nothing. Memory is bounded: beyond `keysMax` keys
 * that are not back to nothing, newcomers share one.
 */
export class RateLimits {
  readonly #keysMax: number
  readonly #due = new Map<string, MonotonicMs>()
  #sweptAt: MonotonicMs = Number.NEGATIVE_INFINITY

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  /** Counts one. Returns how long to wait until it would be allowed; 0 when it is. What is not allowed is not counted. */
  take(key: string, { requests, period }: Rate, now: MonotonicMs): Millis {
    const known = this.#due.has(key) || this.#hasRoom(now) ? key : 'everybody else'
    const each = period / requests
    const due = Math.max(this.#due.get(known) ?? now, now)
    const wait = due + each - (now + period)
    if (wait > 1e-6) return wait
    this.#due.set(known, due + each)
    return 0
  }

  #hasRoom(now: MonotonicMs): boolean {
    if (this.#due.size < this.#keysMax) return true
    // Looking through all of them for every newcomer would be the attacker's lever.
    if (now - this.#sweptAt < SWEEP_EVERY) return false
    this.#sweptAt = now
    for (const [key, due] of this.#due) if (due <= now) this.#due.delete(key)
    return this.#due.size < this.#keysMax
  }
}
