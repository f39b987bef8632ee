import { z } from 'zod'
import type { AuthenticationFailures } from '../../failsafe/authentication-failures.ts'
import type { FailsafeKeeper } from '../../failsafe/keeper.ts'
import type { Trips } from '../../failsafe/trips.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Clock } from '../../model/time.ts'
import type { TripRecord } from '../../model/trip.ts'
import type { AuditLog } from '../audit/log.ts'
import { acceptedOf } from './accepted.ts'
import type { Actuator } from './actuator.ts'
import type { Approvals } from './approvals.ts'
import { type Authenticated, replayDoubt } from './authenticate.ts'
import { signatureOf } from './author.ts'
import { authorizeActuator, authorizeRequest, readBody } from './authorize.ts'
import { reason } from './reason.ts'
import { wayOf } from './received.ts'
import { Refused, refuse } from './refused.ts'

export interface Resets {
  readonly actuators: ReadonlyMap<string, Pick<Actuator, 'approvals'>>
  readonly trips: Trips
  readonly failures: AuthenticationFailures
  /** Why the actuator would trip again at once, in words. */
  persists(actuator: string): string | undefined
  /** From this level on, failures still coming in are a cause that persists. */
  readonly warnLevel: number
  readonly audit: AuditLog
  readonly approvals: Approvals
  /** Until when replays could not be told from what is new, in words, if that is so. */
  replayTrouble(): string | undefined
  /** Lets the identities go that were suspended with the trip, and knows when that is on the disk. */
  readonly keeper: Pick<FailsafeKeeper, 'lift' | 'kept'>
  readonly clock: Clock
}

/** A trip that is over. */
export interface Cleared {
  /** Its first cause. */
  readonly first: TripRecord
  /** Why it would be tripped again after a power cut, where the disk has not taken the end of the trip. */
  readonly unkept: string | undefined
}

const ResetBody = z.strictObject({ reason: reason.optional() })

/** Resets a trip, for an engineer, once its cause is healthy. Nothing moves. */
export async function reset(
  authenticated: Authenticated,
  id: string,
  resets: Resets,
): Promise<Cleared | Refused> {
  const { who, claims, received } = authenticated
  const denied = authorizeRequest(authenticated, 'reset') ?? authorizeActuator(authenticated, id)
  if (denied) return denied
  // A recorded reset must not clear what has tripped since.
  const doubt = replayDoubt(authenticated, resets.replayTrouble)
  if (doubt) return refuse('replay-memory-lost', doubt, 'the trip keeps it in its safe state meanwhile', who)
  const body = readBody(authenticated, ResetBody)
  if (body instanceof Refused) return body
  const actuator = resets.actuators.get(id)
  if (!actuator) return refuse('actuator-unknown', `there is no actuator ${id}`, 'see `holdfast status`', who)
  const { trips, failures, audit } = resets
  const first = trips.firstOut(id)
  if (!first) return refuse('not-tripped', `${id} is not tripped`, undefined, who)
  const level = failures.level(id)
  if (first.cause === 'authentication-failures' && level >= resets.warnLevel) {
    return refuse(
      'cause-persists',
      `forged commands are still being aimed at ${id}: ${level} lately`,
      'find and stop their source, or wait until they have leaked away',
      who,
    )
  }
  if (!trips.isLatched(id)) {
    return refuse(
      'cause-persists',
      `an interlock keeps ${id} in its safe state: ${first.detail}`,
      'it ends by itself once that holds again; there is nothing to reset',
      who,
    )
  }
  const persisting = resets.persists(id)
  if (persisting !== undefined) {
    return refuse(
      'cause-persists',
      `${id} would trip again at once: ${persisting}`,
      'mend that first; the trip keeps it in its safe state meanwhile',
      who,
    )
  }
  if (!first.acknowledged) {
    return refuse(
      'not-acknowledged',
      `nobody has acknowledged the trip of ${id} yet`,
      `look at its cause, then: holdfast acknowledge ${id}`,
      who,
    )
  }
  const approval =
    actuator.approvals.reset < 2
      ? undefined
      : resets.approvals.ask({ action: 'reset', actuator: id }, authenticated)
  if (approval instanceof Refusal) return new Refused(approval, who)
  const answer = await trips.reset(id, async () => {
    const appended = await audit.append({
      kind: 'reset',
      actuator: id,
      cause: first.cause,
      tripped_at: new Date(first.at).toISOString(),
      subject: claims.subject,
      ...signatureOf(who),
      ...wayOf(received),
      ...(approval ? { approved_by: approval.subject, approval_credential: approval.credential } : {}),
      ...(body.reason === undefined ? {} : { reason: body.reason }),
      ...acceptedOf(received, resets.clock),
    })
    return appended.kind === 'durable'
  })
  switch (answer) {
    case 'reset':
      resets.keeper.lift(id)
      // Whoever is told that it is reset finds it so after a power cut. Where the disk does not take that, it is latched again then,
      // which is the safe side.
      return { first, unkept: await resets.keeper.kept() }
    // Acknowledged a moment ago, and not any more: it has left its safe state since.
    case 'not-acknowledged':
    case 'not-tripped':
      return refuse(
        'tripped',
        `${id} is ${trips.phase(id)}: it can be reset once it is verified in its safe state`,
        'see `holdfast status`',
        who,
      )
    case 'not-durable':
      return refuse(
        'audit-unwritable',
        'the reset could not be recorded, so the trip stays',
        'see the audit log in `holdfast status`',
        who,
      )
    case 'overtaken':
      return refuse('tripped', `${id} tripped again while it was being reset`, 'find the cause first', who)
  }
}
