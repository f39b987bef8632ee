import type { Clock, Millis } from '../../model/time.ts'
import type { ScaledClock } from '../scaled-clock.ts'
import type { VirtualClock } from '../virtual-clock.ts'

/** How a plant's time passes: with the machine's, so many times as fast, or only when somebody lets it. */
export type PlantTime =
  | { readonly mode: 'running'; readonly clock: ScaledClock }
  | { readonly mode: 'stepped'; readonly clock: VirtualClock }

/** Fastest and slowest that a plant runs. */
export const SPEED_MAX = 1000
/** Longest single step: more would keep the caller waiting for minutes. */
export const STEP_MAX: Millis = 3_600_000

/** What can be done about time while the plant runs. */
export class TimeControl {
  readonly #time: PlantTime
  readonly #start: number
  /** One step after the other: a virtual clock is advanced by one at a time. */
  #steps: Promise<void> = Promise.resolve()

  constructor(time: PlantTime) {
    this.#time = time
    this.#start = time.clock.monotonic()
  }

  get clock(): Clock {
    return this.#time.clock
  }

  /** As the control port tells it. */
  get state(): { mode: PlantTime['mode']; speed?: number; elapsed_ms: Millis } {
    const elapsed_ms = Math.round(this.#time.clock.monotonic() - this.#start)
    if (this.#time.mode === 'stepped') return { mode: 'stepped', elapsed_ms }
    return { mode: 'running', speed: this.#time.clock.speed, elapsed_ms }
  }

  /** Changes the speed; returns in words why that cannot be. */
  setSpeed(speed: number): string | undefined {
    if (this.#time.mode === 'stepped') return 'time is stepped: it passes only by advance_ms'
    if (!(speed > 0 && speed <= SPEED_MAX)) return `speed: expected more than 0, up to ${SPEED_MAX}`
    this.#time.clock.speed = speed
    return undefined
  }

  /** Lets stepped time pass, once the steps before it are done; resolves with why that cannot be. */
  async advance(ms: Millis): Promise<string | undefined> {
    const { mode, clock } = this.#time
    if (mode !== 'stepped') return 'time runs by itself: start with --stepped to step it'
    if (!(ms > 0 && ms <= STEP_MAX)) return `advance_ms: expected more than 0, up to ${STEP_MAX}`
    this.#steps = this.#steps.then(() => clock.advance(ms))
    await this.#steps
    return undefined
  }
}
