import type { AlarmName } from '../../model/alarm.ts'
import type { Millis, UnixMs } from '../../model/time.ts'

/**
 * How a subject's credentials are used. It is kept of subjects, because a credential lives for hours and a habit for weeks.
 * Nothing here is cleverer than a person with a notebook, so that an anomaly can be explained to whoever caused it.
 */
export interface Habit {
  /** When it was first used. */
  readonly since: UnixMs
  /** Addresses that it came from, with the last time of each. */
  readonly addresses: Readonly<Record<string, UnixMs>>
  /** The last time of each hour of the day (UTC) in which it was used; 0: never. */
  readonly hours: readonly UnixMs[]
  /** The hour under way, how often it was used in it, and whether that was told. */
  readonly hour: { readonly begins: UnixMs; readonly uses: number; readonly told: boolean }
  /** Each day's busiest hour, newest first. */
  readonly busiest: readonly { readonly day: UnixMs; readonly uses: number }[]
}

export interface Anomaly {
  readonly name: Extract<AlarmName, `credential-new-${string}` | 'credential-spike'>
  readonly detail: string
}

const HOUR: Millis = 3_600_000
const DAY: Millis = 86_400_000

/** A subject is got to know for so long before an address of theirs, or a number, is odd. */
export const KNOWN_AFTER: Millis = DAY
/** An hour of the day is odd only to whoever has watched for a week. */
export const HOURS_KNOWN_AFTER: Millis = 7 * DAY
/** What was not done for so long is done for the first time. */
export const FORGOTTEN_AFTER: Millis = 30 * DAY
/** So many days' busiest hours are compared with. */
export const BUSIEST_DAYS = 7
/** A spike is so many times the busiest of those hours, and so many uses at least. */
export const SPIKE_TIMES = 3
export const SPIKE_LEAST = 60
/** The newest addresses that are kept. */
const ADDRESSES_MAX = 32

export function newHabit(now: UnixMs): Habit {
  const hour = { begins: hourOf(now), uses: 0, told: false }
  return { since: now, addresses: {}, hours: Array.from({ length: 24 }, () => 0), hour, busiest: [] }
}

/**
 * Takes one use in: the habit after it, and what was odd about it. Reading is a use like any other but for its number: a screen reads
 * all day, every few seconds, and would hide how often its holder does something. A pure function.
 */
export function learn(
  habit: Habit,
  source: string,
  now: UnixMs,
  isReading = false,
): { readonly habit: Habit; readonly odd: readonly Anomaly[] } {
  const turned = turn(habit, now)
  const hour = { ...turned.hour, uses: turned.hour.uses + (isReading ? 0 : 1) }
  const odd = [
    ...oddAddress(habit, source, now),
    ...oddHour(habit, now),
    ...oddNumber(turned, hour.uses, now),
  ]
  const told = hour.told || odd.some(({ name }) => name === 'credential-spike')
  const hours = habit.hours.with(hourOfDay(now), now)
  const addresses = newest({ ...habit.addresses, [source]: now })
  return { habit: { ...turned, addresses, hours, hour: { ...hour, told } }, odd }
}

function oddAddress({ since, addresses }: Habit, source: string, now: UnixMs): Anomaly[] {
  const last = Object.hasOwn(addresses, source) ? addresses[source] : undefined
  if (now - since < KNOWN_AFTER || isRemembered(last, now)) return []
  const known = Object.keys(addresses).length
  const detail = `used from ${source} for the first time in 30 days; before from ${known} other address${known === 1 ? '' : 'es'}`
  return [{ name: 'credential-new-address', detail }]
}

/** An hour is new when neither it nor the ones beside it were used in: somebody who begins a little early is not odd. */
function oddHour({ since, hours }: Habit, now: UnixMs): Anomaly[] {
  if (now - since < HOURS_KNOWN_AFTER) return []
  const at = hourOfDay(now)
  const near = [at - 1, at, at + 1].map(hour => hours[(hour + 24) % 24])
  if (near.some(last => isRemembered(last, now))) return []
  const detail = `used between ${two(at)}:00 and ${two(at + 1)}:00 UTC, where it was not used for 30 days, nor an hour earlier or later`
  return [{ name: 'credential-new-hour', detail }]
}

function oddNumber({ since, hour, busiest }: Habit, uses: number, now: UnixMs): Anomaly[] {
  if (now - since < KNOWN_AFTER || hour.told || uses < SPIKE_LEAST) return []
  const most = Math.max(0, ...busiest.map(day => day.uses))
  if (uses <= most * SPIKE_TIMES) return []
  const detail = `used ${uses} times in this hour; the busiest hour of the last ${BUSIEST_DAYS} days had ${most}`
  return [{ name: 'credential-spike', detail }]
}

/** Closes the hour that is over, and the days that are. */
function turn(habit: Habit, now: UnixMs): Habit {
  const { hour, busiest } = habit
  if (hourOf(now) <= hour.begins) return habit
  const day = hour.begins - (hour.begins % DAY)
  const same = busiest.find(other => other.day === day)
  const days = [
    { day, uses: Math.max(hour.uses, same?.uses ?? 0) },
    ...busiest.filter(other => other !== same),
  ].filter(other => now - other.day < (BUSIEST_DAYS + 1) * DAY)
  return { ...habit, hour: { begins: hourOf(now), uses: 0, told: false }, busiest: days }
}

function isRemembered(last: UnixMs | undefined, now: UnixMs): boolean {
  return last !== undefined && last > 0 && now - last < FORGOTTEN_AFTER
}

function newest(addresses: Readonly<Record<string, UnixMs>>): Readonly<Record<string, UnixMs>> {
  const entries = Object.entries(addresses)
  if (entries.length <= ADDRESSES_MAX) return addresses
  return Object.fromEntries(entries.toSorted(([, a], [, b]) => b - a).slice(0, ADDRESSES_MAX))
}

function hourOf(now: UnixMs): UnixMs {
  return now - (now % HOUR)
}

function hourOfDay(now: UnixMs): number {
  return Math.floor((now % DAY) / HOUR)
}

function two(hour: number): string {
  return String(hour % 24).padStart(2, '0')
}
