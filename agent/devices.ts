import type { X509Certificate } from 'node:crypto'
import type { Driver, ReadResult } from '../drivers/driver.ts'
import type { Facts, Identity } from '../drivers/identity.ts'
import { ModbusDriver } from '../drivers/modbus/driver.ts'
import { ModbusLink, type Way } from '../drivers/modbus/link.ts'
import type { ModbusPoint } from '../drivers/modbus/point.ts'
import { serialWay } from '../drivers/modbus/serial.ts'
import { rtuOverTcpWay, tcpWay } from '../drivers/modbus/tcp.ts'
import { tlsWay } from '../drivers/modbus/tls.ts'
import { OpcUaDriver } from '../drivers/opcua/driver.ts'
import { OpcUaLink } from '../drivers/opcua/link.ts'
import type { OpcUaPoint } from '../drivers/opcua/point.ts'
import type { Point } from '../drivers/point.ts'
import { Monitor } from '../failsafe/monitor.ts'
import type { Clock, Entropy, Millis } from '../model/time.ts'
import type { Actuator } from './command/actuator.ts'
import type { Progress } from './command/progress.ts'
import type { Config, DeviceConfig, ModbusDeviceConfig, WayConfig } from './config/config.ts'
import { connectionOf } from './config/devices.ts'
import { monitoredPoints } from './monitored-points.ts'
import { commandPoint, fallbackPoint, feedbackPoint, readingPoint } from './point-names.ts'
import { subscribedPoints } from './subscribed-points.ts'

/** A driver that can also say what is at its other end. */
type DeviceDriver = Driver & {
  readonly link: { readonly facts: Facts; readonly isConnected: boolean }
  identify(timeout: Millis): Promise<Identity>
}

/** The devices of a configuration, each with a driver that knows the points of the actuators on it. */
export class Devices implements AsyncDisposable {
  readonly actuators: ReadonlyMap<string, Actuator>
  /** Looks at the readings, and at the feedback of every actuator whose guards need it, again and again. */
  readonly monitor: Monitor
  /** Resolves when every device has been tried once: connected, or known to be unreachable. */
  readonly attempted: Promise<unknown>
  readonly #drivers: ReadonlyMap<string, DeviceDriver>
  readonly #links: ReadonlyMap<string, ModbusLink>
  readonly #config: Config

  constructor(config: Config, clock: Clock, entropy: Entropy, progress: Progress) {
    this.#config = config
    const jitter = () => (entropy(1)[0] ?? 0) / 255
    const links = openLinks(config.devices, clock, jitter)
    const drivers = new Map<string, DeviceDriver>()
    const attempts: Promise<void>[] = [...links.values()].map(link => link.attempted)
    for (const [id, device] of config.devices) {
      const points = pointsOn(id, config)
      if (device.kind === 'opcua') {
        const link = new OpcUaLink(device.endpoint, device.timeout, clock, jitter)
        attempts.push(link.attempted)
        drivers.set(id, new OpcUaDriver(link, nodesAmong(points), clock))
        continue
      }
      const link = links.get(connectionOf(device))
      const unit = {
        ...device,
        safe: safeValuesOn(id, config),
        turnWithin: turnWithin(id, config.devices),
      }
      if (link) drivers.set(id, new ModbusDriver(link, unit, registersAmong(points), clock))
    }
    const watched = new Map(
      [...drivers].map(([id, driver]) => [
        id,
        progress.over(driver, id, config.devices.get(id)?.timeout ?? 0, turnWithin(id, config.devices)),
      ]),
    )
    const actuators = new Map<string, Actuator>()
    for (const actuator of config.actuators.values()) {
      const driver = watched.get(actuator.device)
      const device = config.devices.get(actuator.device)
      if (!driver || !device) throw new TypeError(`the configuration names no device ${actuator.device}`)
      actuators.set(actuator.id, {
        ...actuator,
        tripsOnFailures: actuator.guards.tripsOn.authenticationFailures,
        driver,
        commandPoint: commandPoint(actuator.id),
        feedbackPoint: feedbackPoint(actuator.id),
        staysCommanded: staysCommanded(actuator.command),
        deviceTimeout: device.timeout,
        turnWithin: turnWithin(actuator.device, config.devices),
      })
    }
    this.actuators = actuators
    const sides = [...drivers].flatMap(([id, driver]) => {
      const other = watched.get(id)
      return other ? [{ driver, watched: other }] : []
    })
    this.monitor = new Monitor(subscribedPoints(monitoredPoints(config, watched), sides), clock)
    this.attempted = Promise.all(attempts)
    this.#drivers = drivers
    this.#links = links
  }

  /** Whether there is a connection to each device now. */
  get connections(): readonly { readonly id: string; readonly isConnected: boolean }[] {
    return [...this.#drivers].map(([id, { link }]) => ({ id, isConnected: link.isConnected }))
  }

  /** Reads one point of a device, by the name that its driver knows it by. */
  async read(id: string, point: string, timeout: Millis): Promise<ReadResult> {
    return await this.#driver(id).read(point, timeout)
  }

  /** What a device says about itself, and what its connection does. */
  async identify(id: string, timeout: Millis): Promise<{ identity: Identity; connection: Facts }> {
    const driver = this.#driver(id)
    const identity = await driver.identify(timeout)
    return { identity, connection: driver.link.facts }
  }

  /**
   * Devices that are one: the same unit behind the same address, reached over connections of their own because their hosts have
   * different names. That can be seen only while both are connected.
   */
  get twins(): readonly (readonly [device: string, twin: string, peer: string])[] {
    const seen = new Map<string, string>()
    return [...this.#config.devices].flatMap(([id, device]) => {
      const peer = this.#drivers.get(id)?.link.facts.peer
      if (device.kind !== 'modbus' || peer === undefined) return []
      const key = `${peer} ${device.unit}`
      const twin = seen.get(key)
      seen.set(key, twin ?? id)
      return twin === undefined ? [] : [[id, twin, peer] as const]
    })
  }

  /** The certificate that a device showed last: of an OPC UA server where somebody has trusted it, of a Modbus device where there was a connection. */
  shownCertificate(id: string): X509Certificate | undefined {
    const driver = this.#drivers.get(id)
    if (driver instanceof ModbusDriver) return driver.link.certificate
    return driver instanceof OpcUaDriver ? driver.link.server : undefined
  }

  #driver(id: string): DeviceDriver {
    const driver = this.#drivers.get(id)
    if (!driver) throw new RangeError(`there is no device ${id}`)
    return driver
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.monitor[Symbol.asyncDispose]()
    await Promise.all([...this.#drivers.values()].map(driver => driver[Symbol.asyncDispose]()))
    await Promise.all([...this.#links.values()].map(link => link[Symbol.asyncDispose]()))
  }
}

/** The longest deadline of the other devices behind a device's connection. */
function turnWithin(id: string, devices: ReadonlyMap<string, DeviceConfig>): Millis {
  const device = devices.get(id)
  if (device?.kind !== 'modbus') return 0
  let longest = 0
  for (const other of devices.values()) {
    if (other === device || other.kind !== 'modbus' || connectionOf(other) !== connectionOf(device)) continue
    longest = Math.max(longest, other.timeout)
  }
  return longest
}

/** The points of one device, by the names that drivers are asked with. */
function pointsOn(id: string, { devices, actuators, readings }: Config): Map<string, Point> {
  const device = devices.get(id)
  const points = new Map<string, Point>(device?.kind === 'modbus' ? device.watchdog?.points : [])
  for (const actuator of actuators.values()) {
    if (actuator.device !== id) continue
    points.set(commandPoint(actuator.id), actuator.command).set(feedbackPoint(actuator.id), actuator.feedback)
    if (actuator.fallback?.point) points.set(fallbackPoint(actuator.id), actuator.fallback.point)
  }
  for (const reading of readings.values()) {
    if (reading.device === id) points.set(readingPoint(reading.id), reading.point)
  }
  return points
}

/** Whether what is written to a point stays there: a pulse does not, and neither does the call of a method. */
function staysCommanded(point: Point): boolean {
  return 'protocol' in point ? point.call === undefined : point.pulse === undefined
}

/** What is written to the points of one device where an actuator is to go to its safe state. */
function safeValuesOn(id: string, { actuators }: Config): Map<string, number> {
  return new Map(
    [...actuators.values()].flatMap(actuator =>
      actuator.device === id && actuator.safe
        ? [[commandPoint(actuator.id), actuator.safe.write] as const]
        : [],
    ),
  )
}

function nodesAmong(points: ReadonlyMap<string, Point>): Map<string, OpcUaPoint> {
  return new Map(
    [...points].flatMap(([name, point]) => ('protocol' in point ? [[name, point] as const] : [])),
  )
}

function registersAmong(points: ReadonlyMap<string, Point>): Map<string, ModbusPoint> {
  return new Map(
    [...points].flatMap(([name, point]) => ('protocol' in point ? [] : [[name, point] as const])),
  )
}

/** A link for each Modbus connection. Devices that are units behind the same one share it. */
function openLinks(
  devices: ReadonlyMap<string, DeviceConfig>,
  clock: Clock,
  jitter: () => number,
): Map<string, ModbusLink> {
  const modbus = [...devices.values()].filter(
    (device): device is ModbusDeviceConfig => device.kind === 'modbus',
  )
  const links = new Map<string, ModbusLink>()
  for (const [connection, [first, ...others]] of Map.groupBy(modbus, connectionOf)) {
    if (!first) continue
    const options = { inFlight: first.inFlight, units: 1 + others.length }
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
