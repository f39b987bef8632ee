import type { Logger } from 'pino'
import { Guards } from '../failsafe/watchdog/guards.ts'
import type { Clock } from '../model/time.ts'
import type { AuditLog } from './audit/log.ts'
import type { Actuator } from './command/actuator.ts'
import type { Progress } from './command/progress.ts'
import type { Config } from './config/config.ts'
import { guardedDevices } from './guarded-devices.ts'

const ALARM = 'device-unguarded'

/** The watchdogs of a configuration's devices, fed while commands can be carried out, with alarms and records. */
export function deviceGuards(
  config: Config,
  actuators: ReadonlyMap<string, Actuator>,
  progress: Progress,
  clock: Clock,
  audit: AuditLog,
  log: Logger,
): Guards {
  return new Guards(guardedDevices(config, actuators), clock, () => progress.stuck, {
    changed: (device, state) => {
      if (state.kind === 'armed') {
        log.info({ cleared: ALARM, device }, 'its watchdog runs')
        audit.note({ kind: 'alarm-cleared', alarm: ALARM, device })
        return
      }
      log.error({ alarm: ALARM, device, state: state.kind }, state.detail)
      audit.note({ kind: 'alarm', alarm: ALARM, device, detail: state.detail })
    },
    expired: (device, detail) => {
      log.error({ alarm: 'watchdog-expired', device }, detail)
      audit.note({ kind: 'alarm', alarm: 'watchdog-expired', device, detail })
      audit.note({ kind: 'watchdog-expired', device, detail })
    },
    armed: (device, detail) => {
      log.info({ event: 'watchdog-armed', device }, detail)
      audit.note({ kind: 'watchdog-armed', device, detail })
    },
  })
}
