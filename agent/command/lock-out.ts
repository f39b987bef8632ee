import { z } from 'zod'
import type { Clock, UnixMs } from '../../model/time.ts'
import { parseDuration } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { acceptedOf } from './accepted.ts'
import type { Actuator } from './actuator.ts'
import { type Authenticated, replayDoubt } from './authenticate.ts'
import { signatureOf } from './author.ts'
import { authorizeActuator, authorizeRequest, readBody } from './authorize.ts'
import type { Lockout } from './lockouts.ts'
import type { Permits } from './permit.ts'
import { reason } from './reason.ts'
import { wayOf } from './received.ts'
import { Refused, refuse } from './refused.ts'

/** What locking out needs. */
export interface Locking {
  readonly actuators: ReadonlyMap<string, Pick<Actuator, 'safe'>>
  readonly permits: Pick<Permits, 'lockouts' | 'controls' | 'approvals' | 'selections' | 'replayTrouble'>
  readonly audit: AuditLog
  readonly clock: Clock
}

/** Whoever sets a lockout for longer has mistaken a digit. */
const LONGEST = 366 * 86_400_000

const LockoutBody = z.strictObject({ reason, until: z.string() })
const UnlockBody = z.strictObject({ subject: z.string().max(64).optional(), reason: reason.optional() })
const Instant = z.iso.datetime({ offset: true })

/**
 * Locks an actuator out, for somebody whose role allows it: commands away from safe are refused, and one that is under way and not yet
 * written is not written. Towards safe and trips go on acting. It acts at once; the answer waits until it is durable, and
 * says so where it could not be made durable.
 */
export async function lockOut(
  authenticated: Authenticated,
  id: string,
  { actuators, permits, audit, clock }: Locking,
): Promise<Lockout | Refused> {
  const { who, claims, received } = authenticated
  const denied = authorizeRequest(authenticated, 'lockout') ?? authorizeActuator(authenticated, id)
  if (denied) return denied
  const body = readBody(authenticated, LockoutBody)
  if (body instanceof Refused) return body
  if (!actuators.has(id))
    return refuse('actuator-unknown', `there is no actuator ${id}`, 'see `holdfast status`', who)
  const now = clock.wall()
  const until = readEnd(body.until, now)
  if (until === undefined || until <= now || until > now + LONGEST) {
    return refuse(
      'body-malformed',
      'until is not a time to come, within a year',
      'say a duration such as 8h, or a time with its zone such as 2026-01-31T18:00:00+01:00',
      who,
    )
  }
  const lockout = { actuator: id, subject: claims.subject, reason: body.reason, since: now, until }
  const saved = permits.lockouts.set(lockout).then(
    () => undefined,
    (error: Error) => error.message,
  )
  permits.controls.overrule(id, `locked out by ${claims.subject}: ${body.reason}`)
  // What was meant for before is not meant for after.
  permits.approvals.forget(id)
  permits.selections.forget(id)
  const unkept = await saved
  const appended = await audit.appendOrKeep({
    kind: 'lockout',
    actuator: id,
    subject: claims.subject,
    ...signatureOf(who),
    ...wayOf(received),
    reason: body.reason,
    until: new Date(until).toISOString(),
    ...acceptedOf(received, clock),
  })
  if (unkept !== undefined) return notKept(`it acts now and would be forgotten at a restart: ${unkept}`, who)
  if (appended.kind === 'durable') return lockout
  return refuse(
    'audit-unwritable',
    `it acts, and is not in the audit log: ${appended.detail}`,
    'see the audit log in `holdfast status`',
    who,
  )
}

/**
 * Ends a lockout: one's own, or with the permission `issue` anybody's (whoever may issue credentials could issue one in the owner's
 * name; this way it is said in the log). No record, no end. Nothing moves.
 */
export async function unlock(
  authenticated: Authenticated,
  id: string,
  { actuators, permits, audit, clock }: Locking,
): Promise<Lockout | Refused> {
  const { who, claims, received, may } = authenticated
  const denied = authorizeRequest(authenticated, 'lockout') ?? authorizeActuator(authenticated, id)
  if (denied) return denied
  const body = readBody(authenticated, UnlockBody)
  if (body instanceof Refused) return body
  if (!actuators.has(id))
    return refuse('actuator-unknown', `there is no actuator ${id}`, 'see `holdfast status`', who)
  const owner = body.subject ?? claims.subject
  const standing = permits.lockouts.of(id)
  const lockout = standing.find(({ subject }) => subject === owner)
  if (!lockout) {
    const others = standing.map(({ subject }) => subject).join(', ')
    return refuse(
      'not-locked-out',
      `${id} is not locked out by ${owner}${others === '' ? '' : `, but by ${others}`}`,
      others === '' ? undefined : `an admin ends another's: holdfast lockout remove ${id} --of SUBJECT`,
      who,
    )
  }
  if (owner !== claims.subject && !may.has('issue')) {
    return refuse(
      'role-denied',
      `it is ${owner}'s lockout, and the role ${claims.roles.join(' and ')} does not allow: issue`,
      `${owner} ends it, or an admin`,
      who,
    )
  }
  // A recorded unlock must not end what was locked out since.
  const doubt = replayDoubt(authenticated, permits.replayTrouble)
  if (doubt) return refuse('replay-memory-lost', doubt, 'the lockout stands meanwhile', who)
  const appended = await audit.append({
    kind: 'lockout-ended',
    actuator: id,
    locked_by: owner,
    since: new Date(lockout.since).toISOString(),
    until: new Date(lockout.until).toISOString(),
    detail: owner === claims.subject ? 'its owner ended it' : `${claims.subject} ended it`,
    subject: claims.subject,
    ...signatureOf(who),
    ...wayOf(received),
    ...(body.reason === undefined ? {} : { reason: body.reason }),
    ...acceptedOf(received, clock),
  })
  if (appended.kind !== 'durable') {
    return refuse(
      'audit-unwritable',
      `no record, no end: ${appended.detail}; the lockout stands`,
      'see the audit log in `holdfast status`',
      who,
    )
  }
  const unkept = await permits.lockouts.remove(lockout).then(
    () => undefined,
    (error: Error) => error.message,
  )
  return unkept === undefined
    ? lockout
    : notKept(`it is ended and would be back after a restart: ${unkept}`, who)
}

/** When a lockout ends: a duration from now, or a time that says its zone. */
function readEnd(text: string, now: UnixMs): UnixMs | undefined {
  const duration = parseDuration(text)
  if (duration !== undefined) return now + duration
  return Instant.safeParse(text).success ? Date.parse(text) : undefined
}

function notKept(detail: string, who: Authenticated['who']): Refused {
  return refuse('state-unwritable', detail, 'make room or repair the disk, then do it again', who)
}
