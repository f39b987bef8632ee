import type { Millis } from '../model/time.ts'
import type { Faults } from './faults.ts'
import { disturbanceValues, disturbed } from './process/disturbance.ts'
import {
  type Drive,
  type Elements,
  initialProcess,
  type ProcessState,
  stepProcess,
} from './process/process.ts'
import { measure } from './process/signal.ts'
import { Sensor, type SensorSpec } from './sensor.ts'

/** The sensors that are not perfect, by the signal that they show, and the seed of their noise. */
export interface Instruments {
  readonly sensors: ReadonlyMap<string, SensorSpec>
  readonly seed: number
}

/**
 * The field: the process, the actuators that move it and the sensors that look at it, with whatever is wrong with them.
 * It keeps what is true apart from what the sensors show.
 */
export class Field {
  #elements: Elements
  readonly #faults: Faults
  readonly #sensors: ReadonlyMap<string, Sensor>
  #at: Millis = 0
  /** By how much the sensors that drift are wrong by now. */
  #errors: ReadonlyMap<string, number> = new Map()
  #state: ProcessState
  #truth: ReadonlyMap<string, number>
  #readings: ReadonlyMap<string, number>

  constructor(elements: Elements, { sensors, seed }: Instruments, faults: Faults) {
    this.#elements = elements
    this.#faults = faults
    this.#state = initialProcess(elements)
    this.#truth = measure(elements, this.#state)
    const build = ([signal, spec]: [string, SensorSpec]): [string, Sensor] => [
      signal,
      new Sensor(signal, spec, seed, this.#truth.get(signal) ?? 0),
    ]
    this.#sensors = new Map([...sensors].map(build))
    this.#readings = this.#sensed(0)
  }

  /** What is true, by signal name. */
  get truth(): ReadonlyMap<string, number> {
    return this.#truth
  }

  /** What the sensors show, by signal name. */
  get readings(): ReadonlyMap<string, number> {
    return this.#readings
  }

  /** What each disturbance is now. */
  get disturbances(): ReadonlyMap<string, number> {
    return disturbanceValues(this.#elements)
  }

  /**
   * Changes what the world does to the process, from now on: `tank.demand` in litres a second, `cooling-loop.heat-load`
   * in kilowatts. Throws RangeError when there is no such thing, or when the value is negative.
   */
  disturb(disturbance: string, value: number): void {
    const elements = disturbed(this.#elements, disturbance, value)
    if (typeof elements === 'string') throw new RangeError(elements)
    this.#elements = elements
  }

  /** Lets time pass until `at`, since the start, with the actuators commanded as given, by signal name. */
  advanceTo(at: Millis, commands: ReadonlyMap<string, number>): void {
    const dt = at - this.#at
    if (dt <= 0) return
    this.#at = at
    this.#state = stepProcess(this.#elements, this.#state, this.#drives(commands), dt)
    this.#truth = measure(this.#elements, this.#state)
    this.#readings = this.#shown(this.#sensed(dt), dt)
  }

  #drives(commands: ReadonlyMap<string, number>): Map<string, Drive> {
    const drives = new Map<string, Drive>()
    for (const [name, element] of this.#elements) {
      const command = commands.get(`${name}.command`)
      if (command === undefined) continue
      // A pump's contactor knows on and off; a positioner and a drive stop at their ends.
      const isSwitched = element.kind === 'pump' && !element.variable_speed
      const target = isSwitched ? (command >= 0.5 ? 1 : 0) : Math.min(Math.max(command, 0), 1)
      drives.set(name, { target, slowness: 1 })
    }
    for (const { element } of this.#faults.of('reversed')) {
      const drive = drives.get(element)
      if (drive) drives.set(element, { ...drive, target: 1 - drive.target })
    }
    for (const { element, factor } of this.#faults.of('slow')) {
      const drive = drives.get(element)
      if (drive) drives.set(element, { ...drive, slowness: factor })
    }
    for (const { element } of this.#faults.of('stuck')) drives.delete(element)
    return drives
  }

  /** What sound sensors show after `dt`. */
  #sensed(dt: Millis): ReadonlyMap<string, number> {
    if (this.#sensors.size === 0) return this.#truth
    const sensed = new Map(this.#truth)
    for (const [signal, sensor] of this.#sensors) {
      sensed.set(signal, sensor.read(this.#truth.get(signal) ?? 0, dt))
    }
    return sensed
  }

  #shown(sensed: ReadonlyMap<string, number>, dt: Millis): ReadonlyMap<string, number> {
    const frozen = [...this.#faults.of('feedback-frozen'), ...this.#faults.of('sensor-failed')]
    const lies = this.#faults.of('feedback-lies')
    const drifts = this.#faults.of('drift')
    this.#errors = new Map(
      drifts.map(({ signal, per_second }) => [
        signal,
        (this.#errors.get(signal) ?? 0) + (per_second * dt) / 1000,
      ]),
    )
    if (frozen.length + lies.length + drifts.length === 0) return sensed
    const shown = new Map(sensed)
    for (const [signal, error] of this.#errors) shown.set(signal, (sensed.get(signal) ?? 0) + error)
    for (const { signal } of frozen) {
      const before = this.#readings.get(signal)
      if (before !== undefined) shown.set(signal, before)
    }
    for (const { signal, value } of lies) shown.set(signal, value)
    return shown
  }
}
