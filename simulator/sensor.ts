import type { Millis } from '../model/time.ts'
import { Chance } from './chance.ts'

/** How a sensor differs from a perfect one. */
export interface SensorSpec {
  /** Standard deviation of what it adds at random to each reading, in the signal's unit. */
  readonly noise: number
  /** Time constant: so long after a jump it shows 63 % of it. 0 shows it at once. */
  readonly lag: Millis
}

/** A sensor: what it shows lags behind the truth (first order) and is noisy, the same way for the same seed. */
export class Sensor {
  readonly #spec: SensorSpec
  readonly #chance: Chance
  #settled: number

  /** It has looked at `truth` for long. */
  constructor(signal: string, spec: SensorSpec, seed: number, truth: number) {
    this.#spec = spec
    this.#chance = new Chance(seed, `sensor ${signal}`)
    this.#settled = truth
  }

  /** What it shows after `dt` in which `truth` was reached. */
  read(truth: number, dt: Millis): number {
    const { lag, noise } = this.#spec
    // The closed solution of a first-order lag, so that it does not depend on how time is cut.
    this.#settled = lag === 0 ? truth : truth + (this.#settled - truth) * Math.exp(-dt / lag)
    return noise === 0 ? this.#settled : this.#settled + noise * this.#chance.normal()
  }
}
