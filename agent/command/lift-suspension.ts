import { z } from 'zod'
import type { FailsafeKeeper } from '../../failsafe/keeper.ts'
import type { Clock } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { acceptedOf } from './accepted.ts'
import { type Authenticated, replayDoubt } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { readBody } from './authorize.ts'
import { reason } from './reason.ts'
import { type Received, wayApart } from './received.ts'
import { Refused, refuse } from './refused.ts'

const Body = z.strictObject({ identity: z.string().min(1).max(600), reason: reason.optional() })

/** What lifting a suspension takes. */
export interface Lifting {
  readonly keeper: Pick<FailsafeKeeper, 'liftOne' | 'kept'>
  readonly audit: AuditLog
  readonly clock: Clock
  /** Until when replays could not be told from what is new, in words, if that is so. */
  replayTrouble(): string | undefined
}

/** An identity that may command again. */
export interface Lifted {
  readonly identity: string
  /** Why it would be suspended again after a power cut, where the disk has not taken that it is not. */
  readonly unkept: string | undefined
}

/**
 * Lets a suspended identity command again, for an engineer. Nothing moves, and no trip is reset. Resolves once that is on the disk, or
 * it is known why not.
 */
export async function liftSuspension(
  received: Received,
  by: Authenticated | undefined,
  { keeper, audit, clock, replayTrouble }: Lifting,
): Promise<Lifted | Refused> {
  const who = by?.who
  // A recorded lift must not let go whoever was suspended since.
  const doubt = by && replayDoubt(by, replayTrouble)
  if (doubt) return refuse('replay-memory-lost', doubt, 'the suspension stands meanwhile', who)
  const body = readBody({ received, who }, Body)
  if (body instanceof Refused) return body
  const { identity, reason } = body
  if (identity === `subject ${by?.claims.subject}`)
    return refuse('role-denied', 'nobody lifts a suspension of their own', 'ask another engineer', who)
  if (!keeper.liftOne(identity))
    return refuse('not-found', `${identity} is not suspended`, 'see `holdfast status`', who)
  audit.note({
    kind: 'suspension-lifted',
    identity,
    by: nameOf(received, by),
    ...wayApart(received),
    ...(reason === undefined ? {} : { reason }),
    ...signatureOf(who),
    ...acceptedOf(received, clock),
  })
  return { identity, unkept: await keeper.kept() }
}
