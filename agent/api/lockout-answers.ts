import type { Setpoint } from '../../model/setpoint.ts'
import type { Lockout } from '../command/lockouts.ts'
import type { HttpAnswer } from './answers.ts'

/** A lockout as it is told, in `status` too. */
export function viewLockout({ subject, reason, since, until }: Lockout) {
  return {
    subject,
    reason,
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
  }
}

/** Says what a lockout does and, above all, what it does not. */
export function answerLockout(lockout: Lockout, safe: Setpoint | undefined): HttpAnswer {
  const does =
    safe === undefined
      ? 'commands are refused; a trip leaves it where it is'
      : `commands away from ${safe} are refused; commands to ${safe} still act, and so do trips: both can move it`
  return {
    status: 200,
    body: {
      outcome: 'locked-out',
      actuator: lockout.actuator,
      ...viewLockout(lockout),
      detail: `${does}. This is no isolation of energy: your padlock is`,
    },
  }
}

export function answerUnlock(ended: Lockout, left: readonly Lockout[]): HttpAnswer {
  return {
    status: 200,
    body: {
      outcome: 'unlocked',
      actuator: ended.actuator,
      ended: viewLockout(ended),
      locked_out: left.map(viewLockout),
    },
  }
}
