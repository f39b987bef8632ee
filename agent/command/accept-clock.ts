import type { Clock, UnixMs } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { acceptedOf } from './accepted.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { type Received, wayOf } from './received.ts'
import { type Refused, refuse } from './refused.ts'

/** What an accepted clock changed. */
export interface ClockAccepted {
  readonly before: UnixMs
  readonly now: UnixMs
}

/** Takes the system's time for right, for an administrator on the gateway itself: whoever sets a clock sits before it. */
export async function acceptClock(
  received: Received,
  by: Authenticated | undefined,
  parts: { acceptClock(): Promise<UnixMs>; readonly clock: Clock; readonly audit: AuditLog },
): Promise<ClockAccepted | Refused> {
  const who = by?.who
  if (received.source !== 'local')
    return refuse('channel-denied', 'a clock is accepted on the gateway itself', 'use a unix socket', who)
  const before = await parts.acceptClock()
  const now = parts.clock.wall()
  const appended = await parts.audit.appendOrKeep({
    kind: 'clock-accepted',
    before: new Date(before).toISOString(),
    by: nameOf(received, by),
    ...wayOf(received),
    ...signatureOf(who),
    ...acceptedOf(received, parts.clock),
  })
  if (appended.kind === 'durable') return { before, now }
  return refuse(
    'audit-unwritable',
    `the time is accepted, and that is not in the audit log: ${appended.detail}`,
    'see the audit log in `holdfast status`',
    who,
  )
}
