import { resolve } from 'node:path'
import { fitsTable, isWritable, type ModbusPoint, type ModbusTable } from '../../drivers/modbus/point.ts'
import { describeDomain, type Position, resolveSetpoint, type SetpointDomain } from '../../model/setpoint.ts'
import type { ActuatorConfig, Config, ListenerConfig, MasterKeyConfig } from './config.ts'
import type { Path } from './problem.ts'
import type { ActuatorFile, ConfigFile, PointFile } from './schema.ts'

type Report = (path: Path, message: string) => void

/** What the file names, also where what it says about it is malformed: a mistake in a device is not one in its actuators. */
export interface Names {
  readonly devices: readonly string[]
  readonly actuators: readonly string[]
}

/** Checks what a well-formed configuration means and makes the one that the agent runs on. Reports every problem. */
export function resolveConfig(file: ConfigFile, names: Names, folder: string, report: Report): Config {
  const actuators = new Map<string, ActuatorConfig>()
  for (const [id, actuator] of Object.entries(file.actuators)) {
    const resolved = resolveActuator(id, actuator, names, report)
    if (resolved) actuators.set(id, resolved)
  }
  checkPoints(file, report)
  checkTripGroups(file, names, report)
  if (file.authentication_failures.warn >= file.authentication_failures.limit) {
    report(
      ['authentication_failures', 'warn'],
      `expected less than the limit, which is ${file.authentication_failures.limit}`,
    )
  }
  if (file.credentials.grace > file.credentials.epoch) {
    report(['credentials', 'grace'], 'expected at most the length of an epoch')
  }
  if (file.credentials.max_lifetime > file.credentials.grace) {
    report(
      ['credentials', 'max_lifetime'],
      'expected at most the grace: the key that a credential hangs on is kept for so long after its epoch',
    )
  }
  return {
    environment: file.environment,
    gateway: file.gateway,
    stateDir: resolve(folder, file.state_dir),
    masterKey: resolveMasterKey(file.master_key, folder),
    credentials: {
      epoch: file.credentials.epoch,
      grace: file.credentials.grace,
      lifetimeMax: file.credentials.max_lifetime,
      rotationDue: file.credentials.rotation_due,
    },
    listeners: resolveListeners(file, folder, report),
    authenticationFailures: {
      limit: file.authentication_failures.limit,
      warn: file.authentication_failures.warn,
      leakEvery: file.authentication_failures.leak_every,
    },
    devices: new Map(Object.entries(file.devices)),
    actuators,
    tripGroups: new Map(Object.entries(file.trip_groups)),
  }
}

function resolveMasterKey(file: ConfigFile['master_key'], folder: string): MasterKeyConfig {
  switch (file.source) {
    case 'tpm':
    case 'systemd-credential':
      return file
    case 'file':
      return { ...file, path: resolve(folder, file.path) }
    case 'vault': {
      const { token_file, ca_file, ...rest } = file
      return { ...rest, tokenFile: resolve(folder, token_file), caFile: resolve(folder, ca_file) }
    }
  }
}

function resolveListeners(file: ConfigFile, folder: string, report: Report): ListenerConfig[] {
  const names = new Set<string>()
  const places = new Set<string>()
  return file.listeners.map((listener, index) => {
    if (names.has(listener.name))
      report(['listeners', index, 'name'], `there is a listener ${listener.name} already`)
    names.add(listener.name)
    const place =
      'unix' in listener ? resolve(folder, listener.unix) : 'tls' in listener ? listener.tls : listener.tcp
    if (places.has(place) && !place.endsWith(':0'))
      report(['listeners', index], `another listener is at ${place} already`)
    places.add(place)
    if ('unix' in listener) {
      const mode = Number.parseInt(listener.mode, 8)
      if (listener.admin && (mode & 0o077) !== 0) {
        report(
          ['listeners', index, 'mode'],
          'expected "0600" for the admin socket: whoever can open it can issue credentials',
        )
      }
      return {
        kind: 'unix',
        name: listener.name,
        path: resolve(folder, listener.unix),
        mode,
        admin: listener.admin,
      }
    }
    const colon = place.lastIndexOf(':')
    const port = Number(place.slice(colon + 1))
    if (port > 65535) {
      report(['listeners', index, 'tls' in listener ? 'tls' : 'tcp'], 'expected a port from 0 to 65535')
    }
    const common = {
      name: listener.name,
      host: place.slice(0, colon).replace(/^\[|\]$/g, ''),
      port,
      allowedNetworks: listener.allowed_networks,
      rate: { requests: listener.rate.requests, period: listener.rate.per },
    }
    if ('tcp' in listener) {
      return { kind: 'tcp', ...common, unattributedFailures: listener.unattributed_failures }
    }
    const files = {
      certificate: resolve(folder, listener.certificate),
      key: resolve(folder, listener.key),
      clientCa: resolve(folder, listener.client_ca),
    }
    return { kind: 'tls', ...common, files }
  })
}

function resolveActuator(
  id: string,
  actuator: ActuatorFile,
  names: Names,
  report: Report,
): ActuatorConfig | undefined {
  const at = (...steps: Path): Path => ['actuators', id, ...steps]
  if (!names.devices.includes(actuator.device)) {
    report(at('device'), `there is no device ${actuator.device}; there ${describeNames(names.devices)}`)
  }
  const command = resolvePoint(actuator.command)
  const feedback = resolvePoint(actuator.feedback)
  if (!isWritable(command.table)) {
    report(at('command'), `a ${command.table} cannot be written: expected a coil or a holding_register`)
  }
  const isEcho = command.table === feedback.table && command.address === feedback.address
  if (isEcho !== actuator.feedback_is_command) {
    report(
      at(isEcho ? 'feedback' : 'feedback_is_command'),
      isEcho
        ? "this is the point that is written: reading it back shows the device's memory and not the plant. Where there is no other, say feedback_is_command: true"
        : 'the feedback is another point than the one that is written: leave this out',
    )
  }
  const domain = resolveDomain(actuator)
  if (!domain) {
    report(at(), 'expected either positions (named) or range (min and max)')
    return undefined
  }
  checkDomain(domain, command.table, (path, message) => report(at(...path), message), actuator.tolerance)
  const safe = resolveSetpoint(domain, actuator.safe)
  if (!safe) {
    report(
      at('safe'),
      `the actuator cannot take ${JSON.stringify(actuator.safe)}: expected ${describeDomain(domain)}`,
    )
    return undefined
  }
  return {
    id,
    description: actuator.description,
    device: actuator.device,
    command,
    feedback,
    domain,
    safe,
    tolerance: actuator.tolerance,
    travelTime: actuator.travel_time,
  }
}

/** What is written for any setpoint must fit the table, and its feedback must tell positions apart. */
function checkDomain(domain: SetpointDomain, table: ModbusTable, report: Report, tolerance: number): void {
  if (domain.kind === 'range') {
    const ends = [domain.min, domain.max, domain.min + domain.step]
    if (domain.min < domain.max && ends.every(end => fitsTable(table, end))) return
    report(['range'], `expected whole numbers that fit a ${table}, min below max, and a whole step`)
    return
  }
  for (const [name, { write }] of domain.positions) {
    if (!fitsTable(table, write)) report(['positions', name, 'write'], `${write} does not fit a ${table}`)
  }
  if (nearestFeedback(domain.positions) <= 2 * tolerance) {
    report(['tolerance'], 'with this tolerance two positions cannot be told apart by their feedback')
  }
}

function resolveDomain({ positions, range }: ActuatorFile): SetpointDomain | undefined {
  if (positions && !range && Object.keys(positions).length > 0)
    return { kind: 'positions', positions: new Map(Object.entries(positions)) }
  if (range && !positions) return { kind: 'range', ...range }
  return undefined
}

/** The smallest distance between the feedback values of two positions. */
function nearestFeedback(positions: ReadonlyMap<string, Position>): number {
  const sorted = [...positions.values()].map(({ feedback }) => feedback).sort((a, b) => a - b)
  return Math.min(...sorted.slice(1).map((value, index) => value - (sorted[index] ?? value)))
}

function resolvePoint(point: PointFile): ModbusPoint {
  const [[table, address] = []] = Object.entries(point)
  return { table: (table ?? 'coil').replace('_', '-') as ModbusTable, address: address ?? 0 }
}

/** Two actuators that write the same point would undo each other's safe state; two names for one device hide that. */
function checkPoints(file: ConfigFile, report: Report): void {
  const writers = new Map<string, string>()
  for (const [id, { device, command }] of Object.entries(file.actuators)) {
    const { table, address } = resolvePoint(command)
    const { host, port, unit } = file.devices[device] ?? {}
    const key = `${host} ${port} ${unit} ${table} ${address}`
    const other = writers.get(key)
    if (other)
      report(['actuators', id, 'command'], `${other} writes the same ${table} ${address} of the same device`)
    writers.set(key, id)
  }
}

function checkTripGroups(file: ConfigFile, names: Names, report: Report): void {
  const groups = new Map<string, string>()
  for (const [group, members] of Object.entries(file.trip_groups)) {
    for (const [index, member] of members.entries()) {
      const at = ['trip_groups', group, index]
      if (!names.actuators.includes(member))
        report(at, `there is no actuator ${member}; there ${describeNames(names.actuators)}`)
      const other = groups.get(member)
      if (other) report(at, `${member} is in the trip group ${other} already`)
      groups.set(member, group)
    }
  }
}

function describeNames(names: readonly string[]): string {
  return names.length === 0 ? 'is none' : `${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')}`
}
