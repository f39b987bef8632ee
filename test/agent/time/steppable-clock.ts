import type { Clock, Millis } from '../../../model/time.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'

/** Time in a test whose wall clock somebody sets, as with date(1). */
export class SteppableClock implements Clock {
  readonly #time: VirtualClock
  #offset = 0

  constructor(start?: number) {
    this.#time = new VirtualClock(start)
  }

  wall(): number {
    return this.#time.wall() + this.#offset
  }

  monotonic(): number {
    return this.#time.monotonic()
  }

  sleep(ms: Millis, signal?: AbortSignal): Promise<void> {
    return this.#time.sleep(ms, signal)
  }

  advance(ms: Millis): Promise<void> {
    return this.#time.advance(ms)
  }

  /** Sets the wall clock ahead (or back) by so much. */
  step(by: Millis): void {
    this.#offset += by
  }
}
