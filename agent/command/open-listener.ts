import { z } from 'zod'
import type { AuditLog } from '../audit/log.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { readBody } from './authorize.ts'
import { reason } from './reason.ts'
import { type Received, wayOf } from './received.ts'
import { Refused, refuse } from './refused.ts'

const Body = z.strictObject({ listener: z.string().max(63), reason: reason.optional() })

/** Opens a listener again that attacks had closed, for an administrator. Resolves with its name. */
export async function openListener(
  received: Received,
  by: Authenticated | undefined,
  { listeners, audit }: { listeners: { open(name: string): Promise<boolean> }; audit: AuditLog },
): Promise<string | Refused> {
  const who = by?.who
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
  })
  return listener
}
