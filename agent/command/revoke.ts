import { z } from 'zod'
import { parseCaveat } from '../../model/caveat.ts'
import type { Clock } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import type { Revocation, Revocations } from '../credential/revocations.ts'
import { acceptedOf } from './accepted.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { readBody } from './authorize.ts'
import { reason } from './reason.ts'
import { type Received, wayOf } from './received.ts'
import { Refused, refuse } from './refused.ts'

const RevocationBody = z.union(
  [
    z.strictObject({
      credential: z.string().regex(/^[A-Za-z0-9_-]{16,43}$/, "expected a credential's serial"),
      reason: reason.optional(),
    }),
    z.strictObject({
      subject: z.string().refine(text => parseCaveat(`sub=${text}`), 'expected a subject'),
      reason: reason.optional(),
    }),
    z.strictObject({ issued_before: z.iso.datetime({ offset: true }), reason: reason.optional() }),
  ],
  'expected one of credential (a serial), subject, or issued_before (a time such as 2026-01-31T12:00:00Z)',
)

/**
 * Revokes credentials. It acts at once, on commands too that are authenticated and not yet written; the answer waits
 * until it is durable, and says so where it could not be made durable; the log has it later then.
 */
export async function revoke(
  received: Received,
  by: Authenticated | undefined,
  revocations: Revocations,
  audit: AuditLog,
  clock: Clock,
): Promise<Revocation | Refused> {
  const who = by?.who
  const body = readBody({ received, who }, RevocationBody)
  if (body instanceof Refused) return body
  const at = clock.wall()
  let revocation: Revocation
  if ('credential' in body) revocation = { kind: 'credential', serial: body.credential, at }
  else if ('subject' in body) revocation = { kind: 'subject', subject: body.subject, issuedUntil: at, at }
  else revocation = { kind: 'everybody', issuedUntil: Date.parse(body.issued_before), at }
  if (revocation.kind === 'everybody' && revocation.issuedUntil > at) {
    return refuse(
      'body-malformed',
      'issued_before is in the future',
      'it revokes what was issued, not what will be',
      who,
    )
  }

  const kept = await revocations.add(revocation).then(
    () => undefined,
    (error: Error) => error.message,
  )
  const { kind, ...members } = revocation
  const appended = await audit.appendOrKeep({
    kind: 'revocation',
    revoked: kind,
    ...members,
    by: nameOf(received, by),
    ...wayOf(received),
    ...(body.reason === undefined ? {} : { reason: body.reason }),
    ...signatureOf(who),
    ...acceptedOf(received, clock),
  })
  if (kept !== undefined) {
    return refuse(
      'state-unwritable',
      `it acts now and would be forgotten at a restart: ${kept}`,
      'make room or repair the disk, then revoke again',
      who,
    )
  }
  if (appended.kind !== 'durable') {
    return refuse(
      'audit-unwritable',
      `it acts, and is not in the audit log: ${appended.detail}`,
      'see the audit log in `holdfast status`',
      who,
    )
  }
  return revocation
}
