import type { Clock, Millis } from '../model/time.ts'

/** Between the first wait and the longest, each is twice the one before. */
export interface BackoffLimits {
  readonly first: Millis
  readonly max: Millis
}

/**
 * The waits between attempts to connect. Each is shortened by up to a half, by chance: many agents that lost their devices
 * in one moment must not all come back in one.
 */
export class Backoff {
  readonly #limits: BackoffLimits
  readonly #clock: Clock
  readonly #chance: () => number
  #next: Millis

  /** `chance` gives a number from 0 to 1. */
  constructor(limits: BackoffLimits, clock: Clock, chance: () => number) {
    this.#limits = limits
    this.#clock = clock
    this.#chance = chance
    this.#next = limits.first
  }

  /** An attempt went well: the next wait is the first again. */
  reset(): void {
    this.#next = this.#limits.first
  }

  /** Waits until it is time for the next attempt, or the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const wait = this.#next * (0.5 + this.#chance() / 2)
    this.#next = Math.min(this.#next * 2, this.#limits.max)
    await this.#clock.sleep(wait, signal)
  }
}
