import { resolve } from 'node:path'
import { z } from 'zod'
import type { OpcUaUser } from '../../drivers/opcua/endpoint.ts'
import { canRead, kindOf, nameOf, type Point, sharesWith } from '../../drivers/point.ts'
import type { DeviceConfig, ModbusDeviceConfig, ReadingConfig, WayConfig } from './config.ts'
import { port, timeout } from './forms.ts'
import { canonicalHost } from './host.ts'
import { type PointFile, resolvePoint } from './points.ts'
import type { Report } from './problem.ts'
import { resolveWatchdog, watchdogForm } from './watchdogs.ts'

const READ_DEFAULT = { max_registers: 125, max_bits: 2000, gap: 0 }

/** What every device may say, whatever the way to it. */
const everyDevice = {
  timeout: timeout.default(1000),
  read: z
    .strictObject({
      max_registers: z.int('expected 1 to 125 registers').min(1).max(125).default(READ_DEFAULT.max_registers),
      max_bits: z.int('expected 1 to 2000 bits').min(1).max(2000).default(READ_DEFAULT.max_bits),
      gap: z.int('expected 0 to 124 addresses').min(0).max(124).default(READ_DEFAULT.gap),
    })
    .default(READ_DEFAULT),
  watchdog: watchdogForm.optional(),
}

/** Modbus TCP numbers its requests, so that several can be under way. */
const tcpDevice = {
  ...everyDevice,
  host: z.string().min(1),
  unit: z.int('expected a unit identifier from 0 to 255').min(0).max(255).default(1),
  in_flight: z.int('expected a number of requests from 1 to 128').min(1).max(128).default(1),
}

/** Where there is a line behind the way, unit 0 is everybody, and nobody answers. */
const lineUnit = z.int('expected a unit identifier from 1 to 247').min(1).max(247).default(1)

const file = z.string('expected the path of a file in PEM').min(1)

export const deviceForm = z.discriminatedUnion(
  'protocol',
  [
    z.strictObject({ protocol: z.literal('modbus-tcp'), ...tcpDevice, port: port.default(502) }),
    z.strictObject({
      protocol: z.literal('modbus-tcp-security'),
      ...tcpDevice,
      port: port.default(802),
      certificate: file,
      key: file,
      ca: file,
      server_name: z.string().min(1).optional(),
    }),
    z.strictObject({
      protocol: z.literal('modbus-rtu-over-tcp'),
      ...everyDevice,
      host: z.string().min(1),
      port,
      unit: lineUnit,
    }),
    z.strictObject({
      protocol: z.literal('modbus-rtu'),
      ...everyDevice,
      path: z.string().min(1),
      baud_rate: z.int('expected a speed such as 9600 or 19200').min(50).max(4_000_000),
      parity: z.enum(['none', 'even', 'odd'], 'expected none, even or odd'),
      data_bits: z.literal(8, 'expected 8: a character of RTU has eight data bits').default(8),
      stop_bits: z.literal([1, 2], 'expected 1 or 2').default(1),
      unit: lineUnit,
    }),
    z.strictObject({
      protocol: z.literal('opcua'),
      timeout: timeout.default(2000),
      endpoint: z
        .string()
        .regex(/^opc\.tcp:\/\/[^/\s]+/, 'expected an endpoint such as opc.tcp://10.1.2.5:4840'),
      security_policy: z.enum(
        ['Basic256Sha256', 'Aes256_Sha256_RsaPss'],
        'expected Basic256Sha256 or Aes256_Sha256_RsaPss',
      ),
      security_mode: z
        .enum(['Sign', 'SignAndEncrypt'], 'expected Sign or SignAndEncrypt')
        .default('SignAndEncrypt'),
      certificate: file,
      key: file,
      trusted_servers: z.string().min(1).default('trusted-servers'),
      user: z
        .union(
          [
            z.strictObject({ name: z.string().min(1), password_file: z.string().min(1) }),
            z.strictObject({ certificate: file, key: file }),
          ],
          'expected a name and a password_file, or a certificate and its key',
        )
        .optional(),
    }),
  ],
  'expected modbus-tcp, modbus-tcp-security, modbus-rtu-over-tcp, modbus-rtu or opcua',
)

export type DeviceFile = z.output<typeof deviceForm>
type OpcUaFile = Extract<DeviceFile, { protocol: 'opcua' }>
type ModbusFile = Exclude<DeviceFile, OpcUaFile>

/** `firstFeedback` is a point of the device that can be read without harm, where an actuator is on it. */
export function resolveDevice(
  device: DeviceFile,
  folder: string,
  firstFeedback: string | undefined,
): DeviceConfig {
  if (device.protocol === 'opcua') return resolveServer(device, folder)
  const { unit, timeout, read } = device
  return {
    kind: 'modbus',
    way: resolveWay(device, folder),
    unit,
    timeout,
    inFlight: 'in_flight' in device ? device.in_flight : 1,
    limits: { registersMax: read.max_registers, bitsMax: read.max_bits, gap: read.gap },
    watchdog: device.watchdog && resolveWatchdog(device.watchdog, firstFeedback),
  }
}

function resolveServer(device: OpcUaFile, folder: string): DeviceConfig {
  const at = (path: string) => resolve(folder, path)
  return {
    kind: 'opcua',
    timeout: device.timeout,
    endpoint: {
      url: device.endpoint,
      securityPolicy: device.security_policy,
      securityMode: device.security_mode,
      certificate: at(device.certificate),
      key: at(device.key),
      trusted: at(device.trusted_servers),
      user: resolveUser(device.user, at),
    },
  }
}

function resolveUser(user: OpcUaFile['user'], at: (path: string) => string): OpcUaUser {
  if (!user) return { kind: 'anonymous' }
  if ('name' in user) return { kind: 'password', name: user.name, passwordFile: at(user.password_file) }
  return { kind: 'certificate', certificate: at(user.certificate), key: at(user.key) }
}

function resolveWay(device: ModbusFile, folder: string): WayConfig {
  switch (device.protocol) {
    case 'modbus-tcp':
    case 'modbus-rtu-over-tcp': {
      const { protocol, host, port } = device
      return { protocol, host, port }
    }
    case 'modbus-tcp-security': {
      const { protocol, host, port, server_name: serverName } = device
      const [certificate = '', key = '', ca = ''] = [device.certificate, device.key, device.ca].map(path =>
        resolve(folder, path),
      )
      return { protocol, host, port, certificate, key, ca, serverName }
    }
    case 'modbus-rtu': {
      const { protocol, path, baud_rate: baudRate, data_bits: dataBits, stop_bits: stopBits, parity } = device
      return { protocol, path, baudRate, dataBits, stopBits, parity }
    }
  }
}

/** Where a device is, as the configuration says it. */
export function addressOf({ way }: ModbusDeviceConfig): string {
  return 'path' in way ? way.path : `${way.host}:${way.port}`
}

/** What makes a connection one: devices of which this is the same share it. */
export function connectionOf({ way }: ModbusDeviceConfig): string {
  return 'path' in way ? way.path : `${canonicalHost(way.host)}:${way.port}`
}

/** Checks what devices mean together: those behind one connection must agree on it, and be different units. */
export function checkDevices(devices: ReadonlyMap<string, DeviceConfig>, report: Report): void {
  const seen = new Map<string, [string, ModbusDeviceConfig][]>()
  for (const [id, device] of devices) {
    if (device.kind !== 'modbus') continue
    const connection = connectionOf(device)
    const sharing = seen.get(connection) ?? []
    seen.set(connection, [...sharing, [id, device]])
    const [first] = sharing
    if (first && addressOf(first[1]) !== addressOf(device))
      report(
        ['devices', id, 'host'],
        `this is where ${first[0]} is, by another name: expected the host of ${addressOf(first[1])}, as there`,
      )
    else if (first && first[1].inFlight !== device.inFlight)
      report(
        ['devices', id, 'in_flight'],
        `${first[0]} shares this connection: expected ${first[1].inFlight} as there`,
      )
    else if (first && JSON.stringify(first[1].way) !== JSON.stringify(device.way))
      report(['devices', id], `${first[0]} shares this connection: expected protocol and settings as there`)
    const twin = sharing.find(([, other]) => other.unit === device.unit)
    if (twin)
      report(
        ['devices', id],
        `this is the unit that ${twin[0]} is, on the same connection: one device, one name`,
      )
  }
}

/** A watchdog is fed over its device's connection: whoever is slow there, and asked one at a time, must not let it run out. */
export function checkFeeding(devices: ReadonlyMap<string, DeviceConfig>, report: Report): void {
  const modbus = [...devices].flatMap(([id, device]) => (device.kind === 'modbus' ? [{ id, device }] : []))
  for (const sharing of Map.groupBy(modbus, ({ device }) => connectionOf(device)).values()) {
    const slowest = sharing.reduce((one, other) => (other.device.timeout > one.device.timeout ? other : one))
    const { timeout } = slowest.device
    for (const { id, device } of sharing) {
      if (id === slowest.id || device.inFlight > 1 || !device.watchdog) continue
      if (device.watchdog.spec.time < 4 * timeout)
        report(
          ['devices', id, 'watchdog', 'time'],
          `expected at least four times the timeout of ${slowest.id}, which is ${timeout}ms: it shares this connection, and a feed may wait behind it for so long`,
        )
    }
  }
}

interface Writer {
  readonly device: string
  readonly command: PointFile
}

/** Two actuators that write the same point would undo each other's safe state. */
export function checkWriters(actuators: Readonly<Record<string, Writer>>, report: Report): void {
  const writers: { readonly id: string; readonly device: string; readonly point: Point }[] = []
  for (const [id, { device, command }] of Object.entries(actuators)) {
    const point = resolvePoint(command)
    const other = writers.find(writer => writer.device === device && sharesWith(writer.point, point))
    if (other)
      report(
        ['actuators', id, 'command'],
        `${other.id} writes the same ${nameOf(other.point)} of the same device`,
      )
    writers.push({ id, device, point })
  }
}

/** A pulse is waited for, so that it has to fit into the time that the device has for an answer. */
export function checkPulse(point: Point, device: DeviceConfig | undefined): string | undefined {
  if ('protocol' in point || point.pulse === undefined || !device || point.pulse <= device.timeout / 2)
    return undefined
  return `expected a pulse of at most half of the device's timeout, which is ${device.timeout}ms: it is waited for`
}

/** A point of one protocol on a device that speaks another. */
export function checkProtocol(point: Point, device: DeviceConfig | undefined): string | undefined {
  const speaks = 'protocol' in point ? 'opcua' : 'modbus'
  if (!device || device.kind === speaks) return undefined
  return `a ${kindOf(point)} is a point of ${speaks}, and the device speaks ${device.kind}`
}

/** Checks that each reading is a point that its device has, and one that can be read. */
export function checkReadings(
  readings: ReadonlyMap<string, ReadingConfig>,
  devices: ReadonlyMap<string, DeviceConfig>,
  report: Report,
): void {
  for (const { id, device, point } of readings.values()) {
    const stray = checkProtocol(point, devices.get(device))
    if (stray !== undefined) report(['readings', id, 'point'], stray)
    else if (!canRead(point)) report(['readings', id, 'point'], 'a method has no value: expected a node')
  }
}
