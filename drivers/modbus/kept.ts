import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'

/** Turns on a line that are kept free for units: until then nobody else slips in who may hold the line for long. */
export class Kept {
  readonly #clock: Clock
  readonly #units: { readonly unit: number; readonly until: MonotonicMs }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Keeps the next turn for a unit, for so long at most. */
  keep(unit: number, time: Millis): void {
    this.release(unit)
    this.#units.push({ unit, until: this.#clock.monotonic() + time })
  }

  /** A unit has had its turn. */
  release(unit: number): void {
    const index = this.#units.findIndex(one => one.unit === unit)
    if (index >= 0) this.#units.splice(index, 1)
  }

  /** How much longer the next turn is kept for somebody; 0 where it is not. */
  get left(): Millis {
    if (this.#units.length === 0) return 0
    const now = this.#clock.monotonic()
    return this.#units.reduce((left, { until }) => Math.max(left, until - now), 0)
  }
}
