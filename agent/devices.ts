import { ModbusDriver } from '../drivers/modbus/driver.ts'
import type { Identity } from '../drivers/modbus/identity.ts'
import { type Facts, ModbusLink, type Way } from '../drivers/modbus/link.ts'
import type { ModbusPoint } from '../drivers/modbus/point.ts'
import { serialWay } from '../drivers/modbus/serial.ts'
import { rtuOverTcpWay, tcpWay } from '../drivers/modbus/tcp.ts'
import { tlsWay } from '../drivers/modbus/tls.ts'
import { Monitor } from '../failsafe/monitor.ts'
import type { Clock, Entropy } from '../model/time.ts'
import type { Actuator } from './command/actuator.ts'
import type { Config, DeviceConfig, WayConfig } from './config/config.ts'
import { connectionOf } from './config/devices.ts'
import { monitoredPoints } from './monitored-points.ts'
import { commandPoint, feedbackPoint, readingPoint } from './point-names.ts'

/** The devices of a configuration, each with a driver that knows the points of the actuators on it. */
export class Devices implements AsyncDisposable {
  readonly actuators: ReadonlyMap<string, Actuator>
  /** Looks at the readings, and at the feedback of every actuator whose guards need it, again and again. */
  readonly monitor: Monitor
  /** Resolves when every device has been tried once: connected, or known to be unreachable. */
  readonly attempted: Promise<unknown>
  readonly #drivers: ReadonlyMap<string, ModbusDriver>
  readonly #links: ReadonlyMap<string, ModbusLink>

  constructor(config: Config, clock: Clock, entropy: Entropy) {
    const points = new Map<string, Map<string, ModbusPoint>>()
    for (const { id, device, command, feedback } of config.actuators.values()) {
      const ofDevice = points.get(device) ?? new Map<string, ModbusPoint>()
      ofDevice.set(commandPoint(id), command).set(feedbackPoint(id), feedback)
      points.set(device, ofDevice)
    }
    for (const { id, device, point } of config.readings.values()) {
      const ofDevice = points.get(device) ?? new Map<string, ModbusPoint>()
      ofDevice.set(readingPoint(id), point)
      points.set(device, ofDevice)
    }
    const links = openLinks(config.devices, clock, entropy)
    const drivers = new Map<string, ModbusDriver>()
    for (const [id, device] of config.devices) {
      const link = links.get(connectionOf(device))
      if (link) drivers.set(id, new ModbusDriver(link, device, points.get(id) ?? new Map(), clock))
    }
    const actuators = new Map<string, Actuator>()
    for (const actuator of config.actuators.values()) {
      const driver = drivers.get(actuator.device)
      const device = config.devices.get(actuator.device)
      if (!driver || !device) throw new TypeError(`the configuration names no device ${actuator.device}`)
      actuators.set(actuator.id, {
        ...actuator,
        tripsOnFailures: actuator.guards.tripsOn.authenticationFailures,
        driver,
        commandPoint: commandPoint(actuator.id),
        feedbackPoint: feedbackPoint(actuator.id),
        deviceTimeout: device.timeout,
      })
    }
    this.actuators = actuators
    this.monitor = new Monitor(monitoredPoints(config, drivers), clock)
    this.attempted = Promise.all([...links.values()].map(link => link.attempted))
    this.#drivers = drivers
    this.#links = links
  }

  /** Whether there is a connection to each device now. */
  get connections(): readonly { readonly id: string; readonly isConnected: boolean }[] {
    return [...this.#drivers].map(([id, { link }]) => ({
      id,
      isConnected: !('trouble' in link.line) || link.line.trouble === undefined,
    }))
  }

  /** What a device says about itself, and what its connection does. */
  async identify(id: string, signal: AbortSignal): Promise<{ identity: Identity; connection: Facts }> {
    const driver = this.#drivers.get(id)
    if (!driver) throw new RangeError(`there is no device ${id}`)
    const identity = await driver.identify(signal)
    return { identity, connection: driver.link.facts }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor[Symbol.asyncDispose]()
    await Promise.all([...this.#drivers.values()].map(driver => driver[Symbol.asyncDispose]()))
    await Promise.all([...this.#links.values()].map(link => link[Symbol.asyncDispose]()))
  }
}

/** A link for each connection. Devices that are units behind the same one share it. */
function openLinks(
  devices: ReadonlyMap<string, DeviceConfig>,
  clock: Clock,
  entropy: Entropy,
): Map<string, ModbusLink> {
  const jitter = () => (entropy(1)[0] ?? 0) / 255
  const groups = Map.groupBy(devices.values(), connectionOf)
  const links = new Map<string, ModbusLink>()
  for (const [connection, [first, ...others]] of groups) {
    if (!first) continue
    const options = {
      inFlight: first.inFlight,
      units: 1 + others.length,
      timeout: Math.max(first.timeout, ...others.map(({ timeout }) => timeout)),
    }
    links.set(connection, new ModbusLink(wayOf(first.way), options, clock, jitter))
  }
  return links
}

function wayOf(way: WayConfig): Way {
  switch (way.protocol) {
    case 'modbus-tcp':
      return tcpWay(way)
    case 'modbus-tcp-security':
      return tlsWay(way)
    case 'modbus-rtu-over-tcp':
      return rtuOverTcpWay(way)
    case 'modbus-rtu':
      return serialWay(way)
  }
}
