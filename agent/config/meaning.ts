import { resolve } from 'node:path'
import { resolveActuator } from './actuators.ts'
import type { ActuatorConfig, Config } from './config.ts'
import { resolveListeners } from './listeners.ts'
import { resolveMasterKey } from './master-key.ts'
import type { Names } from './names.ts'
import { resolvePoint } from './points.ts'
import type { Report } from './problem.ts'
import { resolveRoles } from './roles.ts'
import type { ConfigFile } from './schema.ts'
import { checkTripGroups } from './trip-groups.ts'

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
    roles: resolveRoles(file.roles, report),
    approvalWindow: file.approval_window,
    listeners: resolveListeners(file.listeners, folder, report),
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
