import { z } from 'zod'
import type { FailsafeKeeper } from '../../failsafe/keeper.ts'
import type { Clock } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { acceptedOf } from './accepted.ts'
import { type Authenticated, replayDoubt } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { readBody } from './authorize.ts'
import { reason } from './reason.ts'
import { type Received, wayOf } from './received.ts'
import { Refused, refuse } from './refused.ts'

const Body = z.strictObject({ listener: z.string().max(63), reason: reason.optional() })

/** What opening a listener takes. */
export interface Opening {
  readonly listeners: { open(name: string): Promise<boolean> }
  readonly keeper: Pick<FailsafeKeeper, 'kept'>
  readonly audit: AuditLog
  readonly clock: Clock
  /** Until when replays could not be told from what is new, in words, if that is so. */
  replayTrouble(): string | undefined
}

/** A listener that is open again. */
export interface Opened {
  readonly listener: string
  /** Why it would be closed again after a power cut, where the disk has not taken that it is open. */
  readonly unkept: string | undefined
}

/** Opens a listener again that attacks had closed, for an engineer. Resolves once that is on the disk, or it is known why not. */
export async function openListener(
  received: Received,
  by: Authenticated | undefined,
  { listeners, keeper, audit, clock, replayTrouble }: Opening,
): Promise<Opened | Refused> {
  const who = by?.who
  // A recorded request must not open what attacks have closed since.
  const doubt = by && replayDoubt(by, replayTrouble)
  if (doubt) return refuse('replay-memory-lost', doubt, 'the listener stays closed meanwhile', who)
  const body = readBody({ received, who }, Body)
  if (body instanceof Refused) return body
  const { listener, reason } = body
  const opened = await listeners.open(listener).catch((error: Error) => error)
  if (opened instanceof Error)
    return refuse('listener-unusable', opened.message, 'see what uses its address, then open it again', who)
  if (!opened)
    return refuse('not-found', `there is no closed listener ${listener}`, 'see `holdfast status`', who)
  audit.note({
    kind: 'listener-opened',
    listener,
    by: nameOf(received, by),
    ...wayOf(received),
    ...(reason === undefined ? {} : { reason }),
    ...signatureOf(who),
    ...acceptedOf(received, clock),
  })
  return { listener, unkept: await keeper.kept() }
}
