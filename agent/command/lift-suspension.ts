import { z } from 'zod'
import type { AuditLog } from '../audit/log.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { readBody } from './authorize.ts'
import { reason } from './reason.ts'
import type { Received } from './received.ts'
import { Refused, refuse } from './refused.ts'

const Body = z.strictObject({ identity: z.string().min(1).max(600), reason: reason.optional() })

/** Lets a suspended identity command again, for an engineer. Nothing moves, and no trip is reset. Resolves with the identity. */
export async function liftSuspension(
  received: Received,
  by: Authenticated | undefined,
  { suspensions, audit }: { suspensions: { liftOne(identity: string): boolean }; audit: AuditLog },
): Promise<string | Refused> {
  const who = by?.who
  const body = readBody({ received, who }, Body)
  if (body instanceof Refused) return body
  const { identity, reason } = body
  if (identity === `subject ${by?.claims.subject}`)
    return refuse('role-denied', 'nobody lifts a suspension of their own', 'ask another engineer', who)
  if (!suspensions.liftOne(identity))
    return refuse('not-found', `${identity} is not suspended`, 'see `holdfast status`', who)
  audit.note({
    kind: 'suspension-lifted',
    identity,
    by: nameOf(received, by),
    channel: received.channel.name,
    source: received.source,
    ...(reason === undefined ? {} : { reason }),
    ...signatureOf(who),
  })
  return identity
}
