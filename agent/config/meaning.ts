import { resolve } from 'node:path'
import { feedbackPoint } from '../point-names.ts'
import { type BareActuator, resolveActuator } from './actuators.ts'
import { resolveAlarms, resolveWebhook } from './alarms.ts'
import { resolveAudit } from './audit.ts'
import type { ActuatorConfig, Config } from './config.ts'
import { checkDevices, checkFeeding, checkReadings, checkWriters, resolveDevice } from './devices.ts'
import { resolveGuards } from './guards.ts'
import { resolveListeners } from './listeners.ts'
import { resolveMasterKey } from './master-key.ts'
import type { Names } from './names.ts'
import type { Report } from './problem.ts'
import { resolveReadings } from './readings.ts'
import { resolveRoles } from './roles.ts'
import type { ConfigFile } from './schema.ts'
import { checkOnStop, resolveTripGroups } from './trip-groups.ts'
import { checkWatchdogs } from './watchdogs.ts'

/** Checks what a well-formed configuration means and makes the one that the agent runs on. Reports every problem. */
export function resolveConfig(file: ConfigFile, names: Names, folder: string, report: Report): Config {
  const firstOn = (device: string) =>
    Object.keys(file.actuators).find(id => file.actuators[id]?.device === device)
  const devices = new Map(
    Object.entries(file.devices).map(([id, device]) => {
      const first = firstOn(id)
      return [id, resolveDevice(device, folder, first && feedbackPoint(first))]
    }),
  )
  const bare = new Map<string, BareActuator>()
  for (const [id, actuator] of Object.entries(file.actuators)) {
    const device = file.devices[actuator.device]
    const watchdog = device && 'watchdog' in device ? device.watchdog : undefined
    const resolved = resolveActuator(id, actuator, names, devices, watchdog, report)
    if (resolved) bare.set(id, resolved)
  }
  const readings = resolveReadings(file.readings, names, report)
  checkReadings(readings, devices, report)
  const actuators = new Map<string, ActuatorConfig>()
  for (const [id, actuator] of bare) {
    const guardsFile = file.actuators[id]
    if (!guardsFile) continue
    const guards = resolveGuards(id, guardsFile, { names, readings, actuators: bare }, report)
    actuators.set(id, { ...actuator, guards })
  }
  checkDevices(devices, report)
  checkFeeding(devices, report)
  checkWriters(file.actuators, report)
  checkWatchdogs(file.devices, file.actuators, report)
  checkOnStop(file, report)
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
    audit: resolveAudit(file.audit, folder, report),
    authenticationFailures: {
      limit: file.authentication_failures.limit,
      warn: file.authentication_failures.warn,
      leakEvery: file.authentication_failures.leak_every,
      tripsPerDay: file.authentication_failures.trips_per_day,
    },
    alarms: resolveAlarms(file.alarms, report),
    webhook: resolveWebhook(file.alarms, folder),
    metrics: { allowedNetworks: file.metrics.allowed_networks },
    devices,
    readings,
    actuators,
    tripGroups: resolveTripGroups(file.trip_groups, names, report),
  }
}
