import type { Logger } from 'pino'
import { Guards } from '../failsafe/watchdog/guards.ts'
import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { Clock } from '../model/time.ts'
import type { AuditLog } from './audit/log.ts'
import type { Actuator } from './command/actuator.ts'
import type { Progress } from './command/progress.ts'
import type { Config } from './config/config.ts'
import { guardedDevices } from './guarded-devices.ts'

/** The watchdogs of a configuration's devices, fed while commands can be carried out, with alarms and records. */
export function deviceGuards(
  config: Config,
  actuators: ReadonlyMap<string, Actuator>,
  progress: Progress,
  clock: Clock,
  audit: AuditLog,
  log: Logger,
  alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm },
): Guards {
  return new Guards(guardedDevices(config, actuators), clock, () => progress.stuck, {
    changed: (device, state) => {
      if (state.kind === 'armed') return alarms.clear('device-unguarded', 'its watchdog runs', { device })
      alarms.raise('device-unguarded', state.detail, { device, cause: state.kind })
    },
    expired: (device, detail) => {
      alarms.raise('watchdog-expired', detail, { device })
      audit.note({ kind: 'watchdog-expired', device, detail })
    },
    armed: (device, detail) => {
      log.info({ event: 'watchdog-armed', device }, detail)
      audit.note({ kind: 'watchdog-armed', device, detail })
    },
  })
}
