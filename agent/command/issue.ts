import { z } from 'zod'
import { type Caveat, type Grant, parseCaveat, parseGrant } from '../../model/caveat.ts'
import { Refusal } from '../../model/refusal.ts'
import { BREAK_GLASS_ROLE, type Roles } from '../../model/role.ts'
import { type Clock, formatDuration, parseDuration } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import type { Mint, Minted } from '../credential/mint.ts'
import { acceptedOf } from './accepted.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf } from './author.ts'
import { readBody } from './authorize.ts'
import { type Received, wayOf } from './received.ts'
import { Refused, refuse } from './refused.ts'

const OrderBody = z.strictObject({
  subject: z
    .string()
    .refine(text => parseCaveat(`sub=${text}`), 'expected 1 to 64 letters, digits and . _ @ + -')
    .refine(text => text.toLowerCase() !== BREAK_GLASS_ROLE, "that name is the emergency credential's own"),
  role: z.string().max(63),
  actuators: z
    .array(
      z
        .string()
        .refine(text => parseGrant(text), 'expected an actuator such as inlet-valve, pump-* or damper:0..50'),
    )
    .min(1)
    .optional(),
  networks: z
    .array(
      z
        .string()
        .refine(text => parseCaveat(`net=${text}`), 'expected a network such as 10.1.0.0/16, or local'),
    )
    .min(1)
    .optional(),
  rate: z
    .string()
    .refine(text => parseCaveat(`rate=${text}`), 'expected requests/seconds such as 10/60')
    .optional(),
  certificate: z
    .string()
    .refine(
      text => parseCaveat(`tls=${text}`),
      'expected the SHA-256 of a certificate, 64 lower-case hexadecimal digits',
    )
    .optional(),
  spiffe: z
    .string()
    .refine(text => parseCaveat(`spiffe=${text}`), 'expected a SPIFFE ID such as spiffe://plant/panel-1')
    .optional(),
  lifetime: z.string().refine(text => parseDuration(text), 'expected a duration such as 15m'),
})

/** What issuing needs. */
export interface Issuing {
  readonly mint: Mint
  readonly roles: Roles
  readonly audit: AuditLog
  readonly clock: Clock
  /** Why the time is not known, if it is not. */
  clockTrouble(): string | undefined
}

/**
 * Issues a credential: for an `issuer` who may, or for whoever opened the admin socket. What the issuer's own credential
 * is narrowed to, the new one is too, and it does not outlive it.
 */
export async function issue(
  received: Received,
  issuer: Authenticated | undefined,
  { mint, roles, audit, clock, clockTrouble }: Issuing,
): Promise<Minted | Refused> {
  const who = issuer?.who
  if (received.source !== 'local' && !received.channel.certificate) {
    return refuse(
      'channel-denied',
      'a secret is not sent over a network in the clear',
      'issue credentials through a unix socket on the gateway, or a TLS listener',
      who,
    )
  }
  const order = readBody({ received, who }, OrderBody)
  if (order instanceof Refused) return order
  const unfit = checkRole(order.role, issuer, roles)
  if (unfit) return unfit

  const untimed = clockTrouble()
  if (untimed)
    return refuse(
      'clock-untrusted',
      `nobody could say until when it is good: ${untimed}`,
      'set the clock first',
      who,
    )

  const own: Caveat[] = []
  const grants = (order.actuators ?? [])
    .map(parseGrant)
    .filter((grant): grant is Grant => grant !== undefined)
  if (grants.length > 0) own.push({ kind: 'actuators', grants })
  if (order.networks) own.push({ kind: 'networks', networks: order.networks })
  for (const text of [
    order.rate && `rate=${order.rate}`,
    order.certificate && `tls=${order.certificate}`,
    order.spiffe && `spiffe=${order.spiffe}`,
  ]) {
    const caveat = text && parseCaveat(text)
    if (caveat) own.push(caveat)
  }
  const inherited = (issuer?.claims.caveats ?? []).filter(({ kind }) => kind !== 'subject' && kind !== 'role')
  const lifetime = parseDuration(order.lifetime) ?? 0
  const minted = mint.issue({
    subject: order.subject,
    role: order.role,
    caveats: [...inherited, ...own],
    lifetime,
  })
  if (minted instanceof Refusal) return new Refused(minted, who)

  const appended = await audit.append({
    kind: 'credential-issued',
    subject: order.subject,
    role: order.role,
    credential: minted.serial,
    keyid: minted.keyid,
    lifetime: formatDuration(lifetime),
    issuer: nameOf(received, issuer),
    ...wayOf(received),
    ...(who ? { issuer_credential: who.serial, nonce: who.nonce, created: who.created } : {}),
    ...acceptedOf(received, clock),
  })
  if (appended.kind === 'durable') return minted
  return refuse(
    'audit-unwritable',
    `no record, no credential: ${appended.detail}`,
    'see the audit log in `holdfast status`',
    who,
  )
}

/** A role that there is, and that may do no more than whoever gives it away. */
function checkRole(role: string, issuer: Authenticated | undefined, roles: Roles): Refused | undefined {
  const permissions = roles.get(role)
  if (!permissions || role === BREAK_GLASS_ROLE) {
    const known = [...roles.keys()].filter(name => name !== BREAK_GLASS_ROLE)
    return refuse('body-malformed', `there is no role ${role}`, `there are: ${known.join(', ')}`, issuer?.who)
  }
  const beyond = issuer ? permissions.filter(permission => !issuer.may.has(permission)) : []
  if (beyond.length === 0) return undefined
  return refuse(
    'role-denied',
    `the role ${role} may do what its issuer may not: ${beyond.join(', ')}`,
    'issue a lesser role, or issue it with a credential that may do as much',
    issuer?.who,
  )
}
