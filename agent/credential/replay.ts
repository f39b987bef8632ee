import type { Millis, UnixMs } from '../../model/time.ts'

/** Largest difference between a signature's `created` and our clock, either way. */
export const SKEW_MAX: Millis = 300_000

/** How long after its arrival any signature could still pass for fresh: it may be dated one skew ahead. */
export const REPLAY_WINDOW: Millis = 2 * SKEW_MAX

/**
 * - `new`: never seen, and it would be known if it had been.
 * - `seen`: a replay.
 * - `unsure`: dated before what this memory knows of, such as before the agent's start: nobody can say.
 */
export type Memory = 'new' | 'seen' | 'unsure'

/**
 * Remembers every nonce until its signature is too old to be accepted anyway. Nothing is evicted before that: memory
 * is bounded by what can be signed in the window, not by dropping what might be replayed.
 */
export class ReplayMemory {
  /** Nonces by the second after which their signature is stale; a second's set is dropped whole. */
  readonly #bySecond = new Map<number, Set<string>>()
  /** Seconds since 1970. What was signed before is not known to have been seen or not. */
  #knownFrom: number
  /** What is dated before this was forgotten already. */
  #sweptTo = Number.NEGATIVE_INFINITY
  /** The newest second that was forgotten. */
  #forgotten = Number.NEGATIVE_INFINITY
  #size = 0

  /**
   * `knownFrom` is the moment from which on everything is remembered: the agent's start. What an earlier run saw can be
   * added with `recall`; but an earlier run may have been killed before it could write down what it saw.
   */
  constructor(knownFrom: UnixMs) {
    this.#knownFrom = Math.floor(knownFrom / 1000)
  }

  /** How many nonces are remembered. */
  get size(): number {
    return this.#size
  }

  /**
   * The clock was set, to another time: what was signed before it is unsure, as it is after a start. What was forgotten by
   * the time before stays unsure.
   */
  beginAt(now: UnixMs): void {
    this.#knownFrom = Math.max(Math.floor(now / 1000), this.#forgotten + 1)
  }

  /** Adds what an earlier run has seen. */
  recall(serial: string, nonce: string, created: number): void {
    this.#add(serial, nonce, created)
  }

  /** Remembers a nonce of one credential, made at `created` (seconds since 1970), and says what is known of it. */
  remember(serial: string, nonce: string, created: number, now: UnixMs): Memory {
    this.#sweep(now)
    if (!this.#add(serial, nonce, created)) return 'seen'
    return created < this.#knownFrom ? 'unsure' : 'new'
  }

  #add(serial: string, nonce: string, created: number): boolean {
    const nonces = this.#bySecond.get(created) ?? new Set<string>()
    this.#bySecond.set(created, nonces)
    const key = `${serial} ${nonce}`
    if (nonces.has(key)) return false
    nonces.add(key)
    this.#size += 1
    return true
  }

  #sweep(now: UnixMs): void {
    // What is dated exactly one skew ago is still fresh.
    const oldest = Math.ceil((now - SKEW_MAX) / 1000)
    // Once a second is enough: there are as many sets to look at as the window has seconds.
    if (oldest === this.#sweptTo) return
    this.#sweptTo = oldest
    for (const [created, nonces] of this.#bySecond) {
      if (created >= oldest) continue
      this.#size -= nonces.size
      this.#bySecond.delete(created)
      // A clock that steps back makes fresh again what was forgotten here; it must not pass for new.
      this.#forgotten = Math.max(this.#forgotten, created)
      this.#knownFrom = Math.max(this.#knownFrom, created + 1)
    }
  }
}
