import type { AuditEntry } from '../../model/audit.ts'
import type { Clock } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { signatureOf } from './author.ts'
import { patiently } from './patience.ts'
import type { Permitted } from './permit.ts'
import { wayOf } from './received.ts'
import { type Refused, refuse } from './refused.ts'

/** A command whose intention is durable, or that goes towards safe and does not wait for a log that cannot be written; that has it later. */
export interface Intended {
  readonly stage: 'intended'
  readonly permitted: Permitted
  /** Names this command in the log and in the answer. */
  readonly command: string
  readonly recorded: boolean
}

/** No record, no write: the intention is on disk before a device sees a byte. Towards safe is excepted. */
export async function recordIntent(
  permitted: Permitted,
  audit: AuditLog,
  clock: Clock,
  command: string,
): Promise<Intended | Refused> {
  const { authenticated, actuator, target, reason, towardsSafe } = permitted.authorized
  const { who, claims, received } = authenticated
  const { approval } = permitted
  const entry: AuditEntry = {
    kind: 'command-intent',
    command,
    actuator: actuator.id,
    asked: target.setpoint,
    towards_safe: towardsSafe,
    subject: claims.subject,
    ...signatureOf(who),
    ...wayOf(received),
    ...(approval ? { approved_by: approval.subject, approval_credential: approval.credential } : {}),
    ...(reason === undefined ? {} : { reason }),
  }
  const appended = towardsSafe ? audit.appendOrKeep(entry) : audit.append(entry)
  const answer = await patiently(appended, towardsSafe, clock)
  if (answer.kind === 'durable') return { stage: 'intended', permitted, command, recorded: true }
  if (towardsSafe) return { stage: 'intended', permitted, command, recorded: false }
  return refuse(
    'audit-unwritable',
    `no record, no write: ${answer.detail}`,
    'commands towards the safe state are accepted meanwhile',
    who,
  )
}
