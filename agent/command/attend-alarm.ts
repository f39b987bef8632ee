import { z } from 'zod'
import type { Trips } from '../../failsafe/trips.ts'
import { ALARM_NAMES } from '../../model/alarm.ts'
import type { Clock } from '../../model/time.ts'
import { parseDuration } from '../../model/time.ts'
import type { Alarms, Attention, RecordOfPerson } from '../alarms/alarms.ts'
import type { StandingAlarm } from '../alarms/standing.ts'
import { acceptedOf } from './accepted.ts'
import type { Authenticated } from './authenticate.ts'
import { nameOf, signatureOf } from './author.ts'
import { authorizeActuator, readBody } from './authorize.ts'
import { reason } from './reason.ts'
import { type Received, wayApart } from './received.ts'
import { Refused, refuse } from './refused.ts'

/** What attending to alarms needs. */
export interface Attending {
  readonly alarms: Pick<Alarms, 'list' | 'attend' | 'kept'>
  /** A trip's alarm and the trip are acknowledged together. */
  readonly trips: Pick<Trips, 'acknowledge'>
  readonly clock: Clock
  /** Until when replays cannot be told from what is new, in words, if that is so. */
  replayTrouble(): string | undefined
}

/** Whoever shelves for longer does not want the alarm: then it is to be mended, or its threshold to be set. */
const SHELF_MAX = 24 * 3_600_000

const which = z.string('expected the id or the name of an alarm').max(63)
const NamingBody = z.strictObject({ alarm: which })
const ShelveBody = z.strictObject({ alarm: which, for: z.string().max(20), reason })

/** Says that somebody has seen an alarm, or all of one name. Resolves with what was acknowledged, as it is then. */
export async function acknowledgeAlarms(
  received: Received,
  by: Authenticated | undefined,
  attending: Attending,
): Promise<readonly StandingAlarm[] | Refused> {
  const found = named(received, by, attending)
  if (found instanceof Refused) return found
  const person = personOf(received, by, attending.clock)
  for (const { name, about } of found)
    if (name === 'trip' && about.actuator !== undefined)
      attending.trips.acknowledge(about.actuator, person.by)
  return await attend(found, { type: 'acknowledged', by: person.by }, person, attending, by)
}

/**
 * Takes one alarm out of sight for a time, with a reason. What is critical cannot be shelved, and what becomes critical comes back.
 * Whatever it stands for, the fail-safe goes on.
 */
export async function shelveAlarm(
  received: Received,
  by: Authenticated | undefined,
  attending: Attending,
): Promise<readonly StandingAlarm[] | Refused> {
  const who = by?.who
  const body = readBody({ received, who }, ShelveBody)
  if (body instanceof Refused) return body
  const duration = parseDuration(body.for)
  if (duration === undefined || duration > SHELF_MAX) {
    return refuse(
      'body-malformed',
      `for ${body.for}: an alarm is shelved for a duration of 24h at most`,
      'say a duration such as 1h',
      who,
    )
  }
  const found = find(body.alarm, by, attending)
  if (found instanceof Refused) return found
  const critical = found.find(({ severity }) => severity === 'critical')
  if (critical) {
    return refuse(
      'alarm-critical',
      `${critical.name} is critical, and a critical alarm is not shelved`,
      `acknowledge it: holdfast alarm acknowledge ${critical.id}`,
      who,
    )
  }
  const until = attending.clock.wall() + duration
  const person = personOf(received, by, attending.clock)
  const event = { type: 'shelved', by: person.by, until, reason: body.reason } as const
  return await attend(found, event, { ...person, reason: body.reason }, attending, by)
}

/** Takes an alarm off the shelf before its time. */
export async function unshelveAlarm(
  received: Received,
  by: Authenticated | undefined,
  attending: Attending,
): Promise<readonly StandingAlarm[] | Refused> {
  const found = named(received, by, attending)
  if (found instanceof Refused) return found
  return await attend(found, { type: 'unshelved' }, personOf(received, by, attending.clock), attending, by)
}

/** The alarms that a request names which says nothing else. */
function named(
  received: Received,
  by: Authenticated | undefined,
  attending: Attending,
): readonly StandingAlarm[] | Refused {
  const body = readBody({ received, who: by?.who }, NamingBody)
  return body instanceof Refused ? body : find(body.alarm, by, attending)
}

/** The alarms that are meant: the one of an id, or all of a name that the credential's scope does not keep out. */
function find(
  which: string,
  by: Authenticated | undefined,
  { alarms }: Attending,
): readonly StandingAlarm[] | Refused {
  const meant = alarms.list.filter(({ id, name }) => String(id) === which || name === which)
  const reach = meant.map(alarm => {
    const { actuator } = alarm.about
    return { alarm, denied: by && actuator !== undefined ? authorizeActuator(by, actuator) : undefined }
  })
  const reached = reach.filter(({ denied }) => denied === undefined).map(({ alarm }) => alarm)
  if (reached.length > 0) return reached
  return (
    reach[0]?.denied ??
    refuse('not-found', absence(which), '`holdfast alarms` shows those that stand', by?.who)
  )
}

/** Why there is no such alarm to do anything about. */
function absence(which: string): string {
  const isId = /^[0-9]+$/.test(which)
  if (isId) return `no alarm ${which} stands: it is over, or there was none of that id`
  const names: readonly string[] = ALARM_NAMES
  return names.includes(which)
    ? `no alarm ${which} stands`
    : `there is no alarm named ${JSON.stringify(which)}`
}

async function attend(
  found: readonly StandingAlarm[],
  event: Attention,
  person: RecordOfPerson,
  { alarms }: Attending,
  by: Authenticated | undefined,
): Promise<readonly StandingAlarm[] | Refused> {
  const after = found.map(alarm => alarms.attend(alarm.id, event, person) ?? alarm)
  const unkept = await alarms.kept().then(
    () => undefined,
    (error: Error) => error.message,
  )
  if (unkept === undefined) return after
  return refuse(
    'state-unwritable',
    `it counts now and would be forgotten at a restart: ${unkept}`,
    'make room or repair the disk, then do it again',
    by?.who,
  )
}

function personOf(received: Received, by: Authenticated | undefined, clock: Clock): RecordOfPerson {
  return {
    by: nameOf(received, by),
    ...wayApart(received),
    ...signatureOf(by?.who),
    ...acceptedOf(received, clock),
  }
}
