import type { z } from 'zod'
import { pointForm, resolvePoint } from '../../../agent/config/points.ts'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { ModbusDriver, type ModbusUnit } from '../../../drivers/modbus/driver.ts'
import type { LineOptions } from '../../../drivers/modbus/line.ts'
import { ModbusLink, type Way } from '../../../drivers/modbus/link.ts'
import type { ModbusPoint } from '../../../drivers/modbus/point.ts'
import type { Clock, Millis } from '../../../model/time.ts'

export type PointText = z.input<typeof pointForm>

/** A point as an engineer writes it. */
export function pointFrom(text: PointText): ModbusPoint {
  const point = resolvePoint(pointForm.parse(text))
  if ('protocol' in point) throw new TypeError('a node is no Modbus point')
  return point
}

export const LIMITS = { registersMax: 125, bitsMax: 2000, gap: 0 }

/** A link, and drivers for units behind it. */
export class Connected implements AsyncDisposable {
  readonly link: ModbusLink
  readonly #timeout: Millis
  readonly #clock: Clock
  readonly #drivers: ModbusDriver[] = []

  private constructor(link: ModbusLink, timeout: Millis, clock: Clock) {
    this.link = link
    this.#timeout = timeout
    this.#clock = clock
  }

  /** Resolves when the first attempt to connect is over. `timeout` is how long a unit may take, unless it says otherwise. */
  static async to(
    way: Way,
    { timeout = 300, ...options }: Partial<LineOptions> & { readonly timeout?: Millis } = {},
    clock: Clock = systemClock,
  ): Promise<Connected> {
    const link = new ModbusLink(way, { inFlight: 1, units: 1, ...options }, clock, () => 0)
    await link.attempted
    return new Connected(link, timeout, clock)
  }

  driver(points: Readonly<Record<string, PointText>>, unit: Partial<ModbusUnit> = {}): ModbusDriver {
    const driver = new ModbusDriver(
      this.link,
      { unit: 1, limits: LIMITS, timeout: this.#timeout, turnWithin: 0, safe: new Map(), ...unit },
      new Map(Object.entries(points).map(([name, text]) => [name, pointFrom(text)])),
      this.#clock,
    )
    this.#drivers.push(driver)
    return driver
  }

  /** Resolves when there is a line, or none. */
  async connected(wanted: boolean): Promise<void> {
    while ('start' in this.link.line !== wanted) await new Promise(resolve => setImmediate(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const driver of this.#drivers) await driver[Symbol.asyncDispose]()
    await this.link[Symbol.asyncDispose]()
  }
}
