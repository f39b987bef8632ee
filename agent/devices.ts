import type { Driver } from '../drivers/driver.ts'
import { ModbusDriver } from '../drivers/modbus/driver.ts'
import { ModbusLink } from '../drivers/modbus/link.ts'
import type { ModbusPoint } from '../drivers/modbus/point.ts'
import type { Clock, Entropy } from '../model/time.ts'
import type { Actuator } from './command/actuator.ts'
import type { Config } from './config/config.ts'

/** The devices of a configuration, each with a driver that knows the points of the actuators on it. */
export class Devices implements AsyncDisposable {
  readonly actuators: ReadonlyMap<string, Actuator>
  /** Resolves when every device has been tried once: connected, or known to be unreachable. */
  readonly attempted: Promise<unknown>
  readonly #drivers: ReadonlyMap<string, Driver>

  constructor(config: Config, clock: Clock, entropy: Entropy) {
    const jitter = () => (entropy(1)[0] ?? 0) / 255
    const links = new Map(
      [...config.devices].map(([id, device]) => [id, new ModbusLink(device, clock, jitter)] as const),
    )
    const points = new Map<string, Map<string, ModbusPoint>>()
    for (const { id, device, command, feedback } of config.actuators.values()) {
      const ofDevice = points.get(device) ?? new Map<string, ModbusPoint>()
      ofDevice.set(commandPoint(id), command).set(feedbackPoint(id), feedback)
      points.set(device, ofDevice)
    }
    const drivers = new Map(
      [...links].map(([id, link]) => [id, new ModbusDriver(link, points.get(id) ?? new Map())]),
    )
    const actuators = new Map<string, Actuator>()
    for (const actuator of config.actuators.values()) {
      const driver = drivers.get(actuator.device)
      const device = config.devices.get(actuator.device)
      if (!driver || !device) throw new TypeError(`the configuration names no device ${actuator.device}`)
      actuators.set(actuator.id, {
        ...actuator,
        driver,
        commandPoint: commandPoint(actuator.id),
        feedbackPoint: feedbackPoint(actuator.id),
        deviceTimeout: device.timeout,
      })
    }
    this.actuators = actuators
    this.attempted = Promise.all([...links.values()].map(link => link.attempted))
    this.#drivers = drivers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#drivers.values()].map(driver => driver[Symbol.asyncDispose]()))
  }
}

function commandPoint(actuator: string): string {
  return `${actuator}.command`
}

function feedbackPoint(actuator: string): string {
  return `${actuator}.feedback`
}
