import type { Millis, MonotonicMs } from '../../model/time.ts'

const MINUTE: Millis = 60_000
const MINUTES = 60

/** Counts what happened in the last hour, to the minute: it forgets a minute at a time. */
export class HourCount {
  readonly #counts = new Uint32Array(MINUTES)
  #minute = Number.NEGATIVE_INFINITY

  add(now: MonotonicMs): void {
    this.#turn(now)
    const at = this.#minute % MINUTES
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  total(now: MonotonicMs): number {
    this.#turn(now)
    return this.#counts.reduce((sum, count) => sum + count, 0)
  }

  #turn(now: MonotonicMs): void {
    const minute = Math.floor(now / MINUTE)
    const passed = Math.min(MINUTES, minute - this.#minute)
    for (let back = 0; back < passed; back += 1) this.#counts[(minute - back) % MINUTES] = 0
    this.#minute = Math.max(this.#minute, minute)
  }
}
