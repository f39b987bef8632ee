import type { Clock, Entropy } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import type { ClosedBy } from '../credential/break-glass/break-glass.ts'
import { acceptedOf } from './accepted.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { type Received, wayOf } from './received.ts'
import { type Refused, refuse } from './refused.ts'

/** The emergency key of this gateway. */
export interface Glass {
  /** Seals a new one in place of an older one; resolves with the line for the sheet. Rejects when the disk will not have it. */
  seal(entropy: Entropy): Promise<string>
  /** False when no emergency credential was good. `who` is what the record has of whoever closes it. */
  close(why: string, who: ClosedBy): boolean
}

/** Seals a new emergency key, for an administrator, over a unix socket: a sheet is not told over a network. */
export async function sealGlass(
  received: Received,
  by: Authenticated | undefined,
  { glass, audit, clock, entropy }: { glass: Glass; audit: AuditLog; clock: Clock; entropy: Entropy },
): Promise<string | Refused> {
  const who = by?.who
  if (received.source !== 'local')
    return refuse(
      'channel-denied',
      'emergency keys are sealed on the gateway itself',
      'use a unix socket',
      who,
    )
  const appended = await audit.append({
    kind: 'break-glass-sealed',
    by: nameOf(received, by),
    ...wayOf(received),
    ...signatureOf(who),
    ...acceptedOf(received, clock),
  })
  if (appended.kind !== 'durable') {
    return refuse(
      'audit-unwritable',
      `no record, no emergency key: ${appended.detail}`,
      'see the audit log in `holdfast status`',
      who,
    )
  }
  return await glass
    .seal(entropy)
    .catch((error: Error) =>
      refuse(
        'state-unwritable',
        `the emergency key could not be sealed: ${error.message}`,
        'make room or repair the disk, then seal again',
        who,
      ),
    )
}

/** Ends an emergency. False when there was none. The record of it is the glass's own. */
export function closeGlass(
  received: Received,
  by: Authenticated | undefined,
  { glass, clock }: { glass: Glass; clock: Clock },
): boolean {
  const name = nameOf(received, by)
  return glass.close(`closed by ${name}`, {
    by: name,
    ...wayOf(received),
    ...signatureOf(by?.who),
    ...acceptedOf(received, clock),
  })
}
