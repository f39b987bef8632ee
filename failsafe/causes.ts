import type { Clock, Millis, MonotonicMs } from '../model/time.ts'
import { formatDuration } from '../model/time.ts'
import type { TripCause } from '../model/trip.ts'
import type { Trips } from './trips.ts'

/** Something that trips an actuator when it has been in trouble for long enough. */
export interface Watched {
  readonly actuator: string
  readonly cause: TripCause
  /** For how long, without a break. */
  readonly after: Millis
  /** What is wrong now, in words; undefined when nothing is. Must not wait for anything, and may throw: that trips nothing. */
  trouble(): string | undefined
}

const LOOK_EVERY: Millis = 100

/** Looks at every cause of a trip again and again, and trips when one has lasted. Also knows which of them persist. */
export class Causes implements AsyncDisposable {
  readonly #watched: readonly Watched[]
  readonly #trips: Pick<Trips, 'trip' | 'tripsWith' | 'interlockHealthy'>
  readonly #clock: Clock
  readonly #onMistake: (error: unknown) => void
  readonly #since = new Map<Watched, MonotonicMs>()
  readonly #stop = new AbortController()
  #watching: Promise<void> | undefined

  constructor(
    watched: readonly Watched[],
    trips: Pick<Trips, 'trip' | 'tripsWith' | 'interlockHealthy'>,
    clock: Clock,
    onMistake: (error: unknown) => void,
  ) {
    this.#watched = watched
    this.#trips = trips
    this.#clock = clock
    this.#onMistake = onMistake
  }

  /** Begins to look. */
  start(): void {
    if (this.#watched.length > 0) this.#watching ??= this.#watch()
  }

  /** Why an actuator would trip again if it were reset now, in words: a cause of its own, or of one that it trips with. */
  persists(actuator: string): string | undefined {
    const together = this.#trips.tripsWith(actuator)
    for (const watched of this.#watched) {
      if (!together.includes(watched.actuator) || watched.cause === 'interlock') continue
      const trouble = this.#ask(watched)
      if (trouble === undefined) continue
      const whose = watched.actuator === actuator ? '' : ` of ${watched.actuator}, with which it trips`
      return `${watched.cause}${whose}: ${trouble}`
    }
    return undefined
  }

  /** One look at everything: trips what has been in trouble for long enough. */
  look(): void {
    const now = this.#clock.monotonic()
    const interlocked = new Set<string>()
    const guarded = new Set<string>()
    for (const watched of this.#watched) {
      const trouble = this.#ask(watched)
      if (watched.cause === 'interlock') guarded.add(watched.actuator)
      if (trouble === undefined) {
        this.#since.delete(watched)
        continue
      }
      if (watched.cause === 'interlock') interlocked.add(watched.actuator)
      const since = this.#since.get(watched) ?? now
      this.#since.set(watched, since)
      if (now - since < watched.after) continue
      const lasted = watched.after > 0 ? ` for ${formatDuration(now - since)}` : ''
      this.#trips.trip(watched.actuator, watched.cause, `${trouble}${lasted}`)
    }
    for (const actuator of guarded) if (!interlocked.has(actuator)) this.#trips.interlockHealthy(actuator)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.look()
      await this.#clock.sleep(LOOK_EVERY, this.#stop.signal)
    }
  }

  #ask(watched: Watched): string | undefined {
    try {
      return watched.trouble()
    } catch (error) {
      this.#onMistake(error)
      return undefined
    }
  }
}
