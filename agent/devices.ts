import type { Driver } from '../drivers/driver.ts'
import { ModbusDriver } from '../drivers/modbus/driver.ts'
import { ModbusLink } from '../drivers/modbus/link.ts'
import type { ModbusPoint } from '../drivers/modbus/point.ts'
import { tcpWay } from '../drivers/modbus/tcp.ts'
import { feedbackOf } from '../failsafe/condition.ts'
import { Monitor, type MonitoredPoint } from '../failsafe/monitor.ts'
import type { Clock, Entropy, Millis } from '../model/time.ts'
import type { Actuator } from './command/actuator.ts'
import type { Config, DeviceConfig } from './config/config.ts'
import { connectionOf } from './config/devices.ts'

/** The devices of a configuration, each with a driver that knows the points of the actuators on it. */
export class Devices implements AsyncDisposable {
  readonly actuators: ReadonlyMap<string, Actuator>
  /** Looks at the readings, and at the feedback of every actuator whose guards need it, again and again. */
  readonly monitor: Monitor
  /** Resolves when every device has been tried once: connected, or known to be unreachable. */
  readonly attempted: Promise<unknown>
  readonly #drivers: ReadonlyMap<string, Driver>
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
    const drivers = new Map<string, Driver>()
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
    links.set(connection, new ModbusLink(tcpWay(first.way), options, clock, jitter))
  }
  return links
}

const FEEDBACK_EVERY: Millis = 500

/** What is looked at in the background: every reading, and the feedback of actuators that something is guarded by. */
function monitoredPoints(config: Config, drivers: ReadonlyMap<string, Driver>): Map<string, MonitoredPoint> {
  const monitored = new Map<string, MonitoredPoint>()
  const timeoutOf = (device: string): Millis => config.devices.get(device)?.timeout ?? 1000
  for (const { id, device, every, staleAfter } of config.readings.values()) {
    const driver = drivers.get(device)
    if (driver)
      monitored.set(id, { driver, point: readingPoint(id), every, staleAfter, timeout: timeoutOf(device) })
  }
  const every = FEEDBACK_EVERY
  for (const id of actuatorsToMonitor(config)) {
    const device = config.actuators.get(id)?.device ?? ''
    const driver = drivers.get(device)
    const timeout = timeoutOf(device)
    if (driver)
      monitored.set(feedbackOf(id), {
        driver,
        point: feedbackPoint(id),
        every,
        staleAfter: every * 3 + timeout,
        timeout,
      })
  }
  return monitored
}

/** Those whose own guards look at their feedback, and those that others' conditions look at. */
function actuatorsToMonitor(config: Config): Set<string> {
  const named = new Set<string>()
  for (const [id, { guards }] of config.actuators) {
    const { tripsOn, interlocks, permissives, hold } = guards
    const looks = [tripsOn.operatorHeartbeat, tripsOn.deviceUnreachable, tripsOn.feedbackMismatch]
    if (interlocks.length > 0 || looks.some(after => after !== undefined)) named.add(id)
    for (const condition of [...interlocks, ...permissives, ...(hold?.until ? [hold.until] : [])])
      if (condition.kind === 'is') named.add(condition.actuator)
  }
  return named
}

function readingPoint(reading: string): string {
  return `${reading}.reading`
}

function commandPoint(actuator: string): string {
  return `${actuator}.command`
}

function feedbackPoint(actuator: string): string {
  return `${actuator}.feedback`
}
