import type { Clock, Millis, MonotonicMs, UnixMs } from '../model/time.ts'

/** Another clock's time, so many times as fast: at speed 60 a minute of the plant takes a second. */
export class ScaledClock implements Clock {
  readonly #base: Clock
  readonly #wallStart: UnixMs
  /** When the speed was set last: on the base clock, and on this one. */
  #baseAt: MonotonicMs
  #at: MonotonicMs = 0
  #speed: number
  /** Woken when the speed changes: they then ask anew how long. */
  readonly #sleepers = new Set<AbortController>()

  /** `speed` is more than 0. */
  constructor(base: Clock, speed: number) {
    this.#base = base
    this.#wallStart = base.wall()
    this.#baseAt = base.monotonic()
    this.#speed = speed
  }

  get speed(): number {
    return this.#speed
  }

  /** Changes the speed from now on, for those who sleep already too. */
  set speed(speed: number) {
    this.#at = this.monotonic()
    this.#baseAt = this.#base.monotonic()
    this.#speed = speed
    for (const sleeper of this.#sleepers) sleeper.abort()
  }

  wall(): UnixMs {
    return this.#wallStart + this.monotonic()
  }

  monotonic(): MonotonicMs {
    return this.#at + (this.#base.monotonic() - this.#baseAt) * this.#speed
  }

  async sleep(ms: Millis, signal?: AbortSignal): Promise<void> {
    const due = this.monotonic() + ms
    let isWoken = false
    while (!isWoken && !signal?.aborted) {
      const sleeper = new AbortController()
      const wake = () => sleeper.abort()
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', wake)
      await this.#base.sleep(Math.max(0, due - this.monotonic()) / this.#speed, sleeper.signal)
      signal?.removeEventListener('abort', wake)
      this.#sleepers.delete(sleeper)
      // Only a change of speed, or the caller, aborts: whoever slept through has slept enough.
      isWoken = !sleeper.signal.aborted
    }
  }
}
