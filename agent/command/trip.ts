import { z } from 'zod'
import { isThere } from '../../failsafe/feedback.ts'
import type { FailsafeKeeper } from '../../failsafe/keeper.ts'
import type { Trips } from '../../failsafe/trips.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Clock } from '../../model/time.ts'
import type { TripPhase, TripRecord } from '../../model/trip.ts'
import type { AuditLog } from '../audit/log.ts'
import { acceptedOf } from './accepted.ts'
import type { Actuator } from './actuator.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { authorizeActuator, readBody } from './authorize.ts'
import { reasonTowardsSafe } from './reason.ts'
import { type Received, wayOf } from './received.ts'
import { Refused, refuse } from './refused.ts'

export interface ManualTrips {
  readonly actuators: ReadonlyMap<string, Actuator>
  readonly trips: Pick<Trips, 'trip' | 'whenSettled' | 'phase' | 'firstOut' | 'acknowledge'>
  readonly audit: Pick<AuditLog, 'note'>
  /** Knows when the latch is on the disk. */
  readonly keeper: Pick<FailsafeKeeper, 'kept'>
  readonly clock: Clock
}

/** A trip by hand that acts. */
export interface Tripped {
  readonly phase: TripPhase
  /** Why it would be forgotten at a power cut, where the disk has not taken the latch. */
  readonly unkept: string | undefined
}

const Body = z.strictObject({ reason: reasonTowardsSafe.optional() })

/**
 * Trips an actuator by hand, for whoever may: nothing stands against it, not a rate, nor the clock, nor the disk. Resolves
 * with its phase once it was seen in its safe state, or has not got there in time; and whoever is told that it
 * is tripped finds it tripped after a power cut, or is told that the disk has not taken the latch.
 */
export async function tripByHand(
  received: Received,
  by: Authenticated | undefined,
  id: string,
  { actuators, trips, audit, keeper, clock }: ManualTrips,
): Promise<Tripped | Refused> {
  const body = prepare(received, by, id, actuators)
  if (body instanceof Refused) return body
  const reason = body.reason === undefined ? '' : `: ${body.reason}`
  const wasTripped = trips.phase(id) === 'tripped'
  trips.trip(id, 'manual', `by ${nameOf(received, by)}${reason}`)
  // Also where it is tripped already, so that nobody's word is lost. Nobody waits for it.
  audit.note({
    kind: 'trip-requested',
    ...recordOf(received, by, id, body.reason),
    ...acceptedOf(received, clock),
  })
  const [, unkept] = await Promise.all([trips.whenSettled(id), keeper.kept()])
  const phase = trips.phase(id)
  // Seen safe once is not seen safe now: whoever asks is told what can be seen at this moment.
  const unseen = wasTripped && phase === 'tripped' ? await lookForSafe(actuators.get(id)) : undefined
  if (phase !== 'trip-failed' && unseen === undefined) return { phase, unkept }
  const failed =
    unseen === undefined
      ? `${id} was told to go to its safe state and its feedback does not show it; it is told again and again`
      : `${id} is tripped and was in its safe state, and that cannot be seen now: ${unseen}`
  // It acts: what is said of the latch of any other trip is said of this one's.
  const lost =
    unkept === undefined ? '' : `. BUT it would not be tripped any more after a power cut: ${unkept}`
  return new Refused(
    new Refusal('trip-failed', `${failed}${lost}`, 'go there: the actuator or its feedback is at fault'),
    by?.who,
    unkept,
  )
}

/** Why an actuator cannot be seen in its safe state at this moment, in words; undefined when it can. */
async function lookForSafe(actuator: Actuator | undefined): Promise<string | undefined> {
  if (!actuator?.safe) return undefined
  const { driver, feedbackPoint, deviceTimeout, safe, tolerance } = actuator
  const reading = await driver.read(feedbackPoint, deviceTimeout)
  if (reading.kind === 'failed') return reading.reason
  return isThere(reading.value, safe.feedback, tolerance) ? undefined : `feedback shows ${reading.value}`
}

/** A trip that somebody has seen. */
export interface Acknowledged {
  readonly first: TripRecord
  /** Why it would have to be acknowledged again after a power cut, where the disk has not taken that it was. */
  readonly unkept: string | undefined
}

/** Says that somebody has seen a trip. Resolves with its first-out cause, once the disk has that it was seen. */
export async function acknowledge(
  received: Received,
  by: Authenticated | undefined,
  id: string,
  { actuators, trips, audit, keeper, clock }: ManualTrips,
): Promise<Acknowledged | Refused> {
  const body = prepare(received, by, id, actuators)
  if (body instanceof Refused) return body
  if (trips.acknowledge(id, nameOf(received, by)))
    audit.note({
      kind: 'acknowledgement',
      ...recordOf(received, by, id, body.reason),
      ...acceptedOf(received, clock),
    })
  const first = trips.firstOut(id)
  return first === undefined
    ? refuse('not-tripped', `${id} is not tripped`, undefined, by?.who)
    : { first, unkept: await keeper.kept() }
}

/** Who did it, and how it came in. */
function recordOf(
  received: Received,
  by: Authenticated | undefined,
  actuator: string,
  reason: string | undefined,
) {
  return {
    actuator,
    ...wayOf(received),
    ...(by ? { subject: by.claims.subject } : {}),
    ...signatureOf(by?.who),
    ...(reason === undefined ? {} : { reason }),
  }
}

function prepare(
  received: Received,
  by: Authenticated | undefined,
  id: string,
  actuators: ReadonlyMap<string, Actuator>,
): z.output<typeof Body> | Refused {
  const who = by?.who
  const outOfScope = by && authorizeActuator(by, id)
  if (outOfScope) return outOfScope
  const body = readBody({ received, who }, Body)
  if (body instanceof Refused) return body
  return actuators.has(id)
    ? body
    : refuse('actuator-unknown', `there is no actuator ${id}`, 'see `holdfast status`', who)
}
