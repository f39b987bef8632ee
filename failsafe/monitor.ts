import type { Driver } from '../drivers/driver.ts'
import type { Clock, Millis, MonotonicMs } from '../model/time.ts'
import { formatDuration } from '../model/time.ts'

/** A point of a device that is looked at again and again. */
export interface MonitoredPoint {
  readonly driver: Pick<Driver, 'read'>
  readonly point: string
  /** How often it is read. */
  readonly every: Millis
  /** How old a value may be and still be of good quality. */
  readonly staleAfter: Millis
  /** Deadline of one read. */
  readonly timeout: Millis
}

/** What is known of a point. Quality and age are part of it: a number alone says nothing. */
export type Reading =
  | { readonly quality: 'good'; readonly value: number; readonly age: Millis }
  /** `value` is the last one that was good, if there was one. */
  | { readonly quality: 'bad'; readonly detail: string; readonly value?: number; readonly age?: Millis }

interface Known {
  readonly value: number
  readonly at: MonotonicMs
}

const TICK: Millis = 50

/** Reads points in the background, each at its own pace, and knows how old what it knows is. Writes nothing. */
export class Monitor implements AsyncDisposable {
  readonly #points: ReadonlyMap<string, MonitoredPoint>
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()
  readonly #trouble = new Map<string, string>()
  readonly #reading = new Map<string, Promise<void>>()
  readonly #due = new Map<string, MonotonicMs>()
  readonly #stop = new AbortController()
  #watching: Promise<void> | undefined

  constructor(points: ReadonlyMap<string, MonitoredPoint>, clock: Clock) {
    this.#points = points
    this.#clock = clock
  }

  /** Begins to read. */
  start(): void {
    if (this.#points.size > 0) this.#watching ??= this.#watch()
  }

  /** What is known of a point now. */
  latest(id: string): Reading {
    const point = this.#points.get(id)
    if (!point) return { quality: 'bad', detail: `there is no reading ${id}` }
    const known = this.#known.get(id)
    if (!known) return { quality: 'bad', detail: this.#trouble.get(id) ?? 'it has not been read yet' }
    const age = this.#clock.monotonic() - known.at
    const { value } = known
    if (age <= point.staleAfter) return { quality: 'good', value, age }
    const trouble = this.#trouble.get(id)
    const detail = `its last value is ${formatDuration(age)} old${trouble === undefined ? '' : `: ${trouble}`}`
    return { quality: 'bad', detail, value, age }
  }

  /** Why a point could not be read at the last try, in words; undefined when it could. */
  unreadable(id: string): string | undefined {
    return this.#trouble.get(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#watching
    await Promise.all(this.#reading.values())
  }

  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const now = this.#clock.monotonic()
      // What is due at one moment is asked for at one moment, so that a driver can merge it.
      for (const [id, point] of this.#points) {
        if (now < (this.#due.get(id) ?? 0) || this.#reading.has(id)) continue
        this.#due.set(id, now + point.every)
        const reading = this.#read(id, point).finally(() => this.#reading.delete(id))
        this.#reading.set(id, reading)
      }
      await this.#clock.sleep(TICK, this.#stop.signal)
    }
  }

  async #read(id: string, { driver, point, timeout }: MonitoredPoint): Promise<void> {
    const answer = await driver.read(point, timeout, this.#stop.signal).catch((error: Error) => ({
      kind: 'failed' as const,
      reason: `a mistake in the driver: ${error.message}`,
    }))
    if (this.#stop.signal.aborted) return
    if (answer.kind === 'value') {
      this.#known.set(id, { value: answer.value, at: this.#clock.monotonic() - answer.age })
      this.#trouble.delete(id)
    } else this.#trouble.set(id, answer.reason)
  }
}
