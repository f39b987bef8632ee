import { z } from 'zod'
import { describePoint, type ModbusPoint, overlap } from '../../drivers/modbus/point.ts'
import type { DeviceConfig } from './config.ts'
import { port, timeout } from './forms.ts'
import { type PointFile, resolvePoint } from './points.ts'
import type { Report } from './problem.ts'
import { resolveWatchdog, watchdogForm } from './watchdogs.ts'

const READ_DEFAULT = { max_registers: 125, max_bits: 2000, gap: 0 }

export const deviceForm = z.strictObject({
  protocol: z.literal('modbus-tcp', 'expected modbus-tcp'),
  host: z.string().min(1),
  port: port.default(502),
  unit: z.int('expected a unit identifier from 0 to 255').min(0).max(255).default(1),
  timeout: timeout.default(1000),
  in_flight: z.int('expected a number of requests from 1 to 128').min(1).max(128).default(1),
  read: z
    .strictObject({
      max_registers: z.int('expected 1 to 125 registers').min(1).max(125).default(READ_DEFAULT.max_registers),
      max_bits: z.int('expected 1 to 2000 bits').min(1).max(2000).default(READ_DEFAULT.max_bits),
      gap: z.int('expected 0 to 124 addresses').min(0).max(124).default(READ_DEFAULT.gap),
    })
    .default(READ_DEFAULT),
  watchdog: watchdogForm.optional(),
})

export type DeviceFile = z.output<typeof deviceForm>

/** `firstFeedback` is a point of the device that can be read without harm, where an actuator is on it. */
export function resolveDevice(device: DeviceFile, firstFeedback: string | undefined): DeviceConfig {
  const { protocol, host, port, unit, timeout } = device
  return {
    protocol,
    way: { host, port },
    unit,
    timeout,
    inFlight: device.in_flight,
    limits: {
      registersMax: device.read.max_registers,
      bitsMax: device.read.max_bits,
      gap: device.read.gap,
    },
    watchdog: device.watchdog && resolveWatchdog(device.watchdog, firstFeedback),
  }
}

/** What makes a connection one: devices of which this is the same share it. */
export function connectionOf({ way }: DeviceConfig): string {
  return `${way.host}:${way.port}`
}

/** Checks what devices mean together: those behind one connection must agree on it, and be different units. */
export function checkDevices(devices: ReadonlyMap<string, DeviceConfig>, report: Report): void {
  const seen = new Map<string, [string, DeviceConfig][]>()
  for (const [id, device] of devices) {
    const connection = connectionOf(device)
    const sharing = seen.get(connection) ?? []
    seen.set(connection, [...sharing, [id, device]])
    const [first] = sharing
    if (first && first[1].inFlight !== device.inFlight)
      report(
        ['devices', id, 'in_flight'],
        `${first[0]} shares this connection: expected ${first[1].inFlight} as there`,
      )
    const twin = sharing.find(([, other]) => other.unit === device.unit)
    if (twin)
      report(
        ['devices', id],
        `this is the unit that ${twin[0]} is, on the same connection: one device, one name`,
      )
  }
}

interface Writer {
  readonly device: string
  readonly command: PointFile
}

/** Two actuators that write the same point would undo each other's safe state. */
export function checkWriters(actuators: Readonly<Record<string, Writer>>, report: Report): void {
  const writers: { readonly id: string; readonly device: string; readonly point: ModbusPoint }[] = []
  for (const [id, { device, command }] of Object.entries(actuators)) {
    const point = resolvePoint(command)
    const other = writers.find(writer => writer.device === device && overlap(writer.point, point))
    if (other)
      report(
        ['actuators', id, 'command'],
        `${other.id} writes the same ${describePoint(other.point)} ${other.point.address} of the same device`,
      )
    writers.push({ id, device, point })
  }
}

/** A pulse is waited for, so that it has to fit into the time that the device has for an answer. */
export function checkPulse(point: ModbusPoint, device: DeviceConfig | undefined): string | undefined {
  if (point.pulse === undefined || !device || point.pulse <= device.timeout / 2) return undefined
  return `expected a pulse of at most half of the device's timeout, which is ${device.timeout}ms: it is waited for`
}
