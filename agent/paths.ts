import { join } from 'node:path'
import type { Config } from './config/config.ts'

/** The audit log's name: the origin of its checkpoints. */
export function logName({ environment, gateway }: Config): string {
  return `${environment}/${gateway}`
}

/** The audit log's file. */
export function auditPath({ stateDir }: Config): string {
  return join(stateDir, 'audit.db')
}

/** The public key that checkpoints of the audit log are checked with; nothing in it is secret. */
export function vkeyPath({ stateDir }: Config): string {
  return join(stateDir, 'audit.vkey')
}

/** How far the audit log was sent to another host. */
export function cursorPath({ stateDir }: Config): string {
  return join(stateDir, 'syslog.cursor')
}

/** How far the audit log was put into the journal. */
export function journalCursorPath({ stateDir }: Config): string {
  return join(stateDir, 'journal.cursor')
}

/** What the fail-safe keeps over a restart. */
export function latchPath({ stateDir }: Config): string {
  return join(stateDir, 'latches.json')
}

/** What people have locked out. */
export function lockoutPath({ stateDir }: Config): string {
  return join(stateDir, 'lockouts.json')
}

/** The alarms that stand, and who has seen which. */
export function alarmPath({ stateDir }: Config): string {
  return join(stateDir, 'alarms.json')
}

/** How the credentials of each subject are used, for noticing what is odd. */
export function habitPath({ stateDir }: Config): string {
  return join(stateDir, 'habits.json')
}

/** The sealed emergency key. */
export function sealedGlassPath({ stateDir }: Config): string {
  return join(stateDir, 'break-glass.sealed')
}

/** The opened emergency key, between its opening and the agent's next start. */
export function openGlassPath({ stateDir }: Config): string {
  return join(stateDir, 'break-glass.open')
}

/** The latest time that this gateway has known. */
export function floorPath({ stateDir }: Config): string {
  return join(stateDir, 'clock.json')
}

/** What was revoked and could otherwise still be used. */
export function revocationPath({ stateDir }: Config): string {
  return join(stateDir, 'revocations.json')
}
