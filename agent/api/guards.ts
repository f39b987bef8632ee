import type { Json } from '../../model/json.ts'
import type { UnixMs } from '../../model/time.ts'
import type { Permits } from '../command/permit.ts'
import { viewLockout } from './lockout-answers.ts'

/** What people have put between commands and an actuator, or ahead of them. Nothing where there is nothing. */
export function viewGuards(
  actuator: string,
  { approvals, selections, lockouts }: Permits,
): { [key: string]: Json } {
  const pending = approvals.pending
    .filter(asked => asked.actuator === actuator)
    .map(({ action, setpoint, subject, until }) => ({
      action,
      ...(setpoint === undefined ? {} : { setpoint }),
      subject,
      until: iso(until),
    }))
  const selected = selections
    .of(actuator)
    .map(({ setpoint, subject, until }) => ({ setpoint, subject, until: iso(until) }))
  const lockedOut = lockouts.of(actuator).map(viewLockout)
  return {
    ...(lockedOut.length > 0 ? { locked_out: lockedOut } : {}),
    ...(pending.length > 0 ? { awaiting_approval: pending } : {}),
    ...(selected.length > 0 ? { selected } : {}),
  }
}

function iso(at: UnixMs): string {
  return new Date(at).toISOString()
}
