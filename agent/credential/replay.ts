import type { Millis, UnixMs } from '../../model/time.ts'

/** Largest difference between a signature's `created` and our clock, either way. */
export const SKEW_MAX: Millis = 300_000

/** How long after its arrival any signature could still pass for fresh: it may be dated one skew ahead. */
export const REPLAY_WINDOW: Millis = 2 * SKEW_MAX

/**
 * Remembers every nonce until its signature is too old to be accepted anyway. Nothing is evicted before that: memory
 * is bounded by what can be signed in the window, not by dropping what might be replayed.
 */
export class ReplayMemory {
  /** Nonces by the second after which their signature is stale; a second's set is dropped whole. */
  readonly #bySecond = new Map<number, Set<string>>()
  #sweptTo = 0
  #size = 0

  /** How many nonces are remembered. */
  get size(): number {
    return this.#size
  }

  /**
   * Remembers a nonce of one credential, made at `created` (seconds since 1970). Says `seen` when it was there already,
   * and `forgotten` when the clock has stepped back behind what was swept: then nobody can say whether it was there.
   */
  remember(serial: string, nonce: string, created: number, now: UnixMs): 'new' | 'seen' | 'forgotten' {
    this.#sweep(now)
    const until = created + SKEW_MAX / 1000
    if (until < this.#sweptTo) return 'forgotten'
    let nonces = this.#bySecond.get(until)
    if (!nonces) {
      nonces = new Set()
      this.#bySecond.set(until, nonces)
    }
    const key = `${serial} ${nonce}`
    if (nonces.has(key)) return 'seen'
    nonces.add(key)
    this.#size += 1
    return 'new'
  }

  #sweep(now: UnixMs): void {
    const second = Math.floor(now / 1000)
    if (second <= this.#sweptTo) return
    this.#sweptTo = second
    for (const [until, nonces] of this.#bySecond) {
      // `created + skew >= now` is still fresh, so the second itself is kept.
      if (until >= second) continue
      this.#size -= nonces.size
      this.#bySecond.delete(until)
    }
  }
}
