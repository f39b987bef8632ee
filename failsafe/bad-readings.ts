import type { Clock, Millis, MonotonicMs } from '../model/time.ts'
import type { Monitor } from './monitor.ts'

/** Who hears of readings that cannot be relied on. */
export interface BadReadingListener {
  /** It has been of bad quality for a while; why, in words. Told once. */
  bad(reading: string, detail: string): void
  /** It is of good quality again. */
  good(reading: string): void
}

const LOOK_EVERY: Millis = 500
/** What is of bad quality for no longer is not worth an alarm: one lost answer, or the first look after the start. */
const BAD_AFTER: Millis = 2000

/** Looks whether what interlocks, limits and holds rely on can be read, and tells when it cannot: a guard that is blind must not be so silently. */
export class BadReadings implements AsyncDisposable {
  readonly #readings: readonly string[]
  readonly #monitor: Pick<Monitor, 'latest'>
  readonly #clock: Clock
  readonly #listener: BadReadingListener
  readonly #since = new Map<string, MonotonicMs>()
  readonly #told = new Set<string>()
  readonly #stop = new AbortController()
  #watching: Promise<void> | undefined

  constructor(
    readings: readonly string[],
    monitor: Pick<Monitor, 'latest'>,
    clock: Clock,
    listener: BadReadingListener,
  ) {
    this.#readings = readings
    this.#monitor = monitor
    this.#clock = clock
    this.#listener = listener
  }

  /** Begins to look. */
  start(): void {
    if (this.#readings.length > 0) this.#watching ??= this.#watch()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const reading of this.#readings) this.#look(reading)
      await this.#clock.sleep(LOOK_EVERY, this.#stop.signal)
    }
  }

  #look(reading: string): void {
    const latest = this.#monitor.latest(reading)
    if (latest.quality === 'good') {
      this.#since.delete(reading)
      if (this.#told.delete(reading)) this.#listener.good(reading)
      return
    }
    const now = this.#clock.monotonic()
    const since = this.#since.get(reading) ?? now
    this.#since.set(reading, since)
    if (now - since < BAD_AFTER || this.#told.has(reading)) return
    this.#told.add(reading)
    this.#listener.bad(reading, latest.detail)
  }
}
