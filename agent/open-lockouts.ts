import type { RaiseAlarm } from '../model/alarm.ts'
import type { Clock } from '../model/time.ts'
import type { AuditLog } from './audit/log.ts'
import { Lockouts, lockoutFile } from './command/lockouts.ts'
import type { Config } from './config/config.ts'
import { loadKept } from './kept-state.ts'
import { lockoutPath } from './paths.ts'
import { StartFailure } from './start-failure.ts'

/** Takes up what people had locked out when an earlier run ended. Rejects when nobody can say what that was. */
export async function openLockouts(
  config: Config,
  clock: Clock,
  audit: AuditLog,
  alarm: RaiseAlarm,
): Promise<Lockouts> {
  const file = lockoutFile(lockoutPath(config))
  const kept = (await loadKept(file, 'what is locked out')) ?? []
  const lost = kept.find(({ actuator, until }) => until > clock.wall() && !config.actuators.has(actuator))
  if (lost) {
    throw new StartFailure(
      `${lost.actuator} is locked out by ${lost.subject}, and the configuration has no such actuator: give it its name back and end the lockout, or look at the plant and take it out of ${file.path}`,
      'untrusted',
    )
  }
  return new Lockouts(file, kept, clock, {
    note: entry => audit.note(entry),
    notKept: detail => alarm('lockouts-not-kept', detail),
  })
}
