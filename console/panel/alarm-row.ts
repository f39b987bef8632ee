import { ALARMS, type AlarmName, formOf } from '../../model/alarm.ts'
import type { UnixMs } from '../../model/time.ts'
import { type AlarmView, aboutOf } from '../alarm-view.ts'
import type { Reach } from './reach.ts'
import { since, until } from './time-text.ts'

/** An alarm in the words of the panel. */
export interface AlarmRow {
  readonly id: number
  readonly priority: string
  readonly severity: string
  readonly name: string
  readonly about: string
  readonly state: string
  readonly detail: string
  readonly when: string
  readonly cause: string
  readonly consequence: string
  readonly remedy: string
  /** Nobody has seen it: it blinks. */
  readonly isUnseen: boolean
  readonly isShelved: boolean
  readonly canAcknowledge: boolean
  readonly canShelve: boolean
  /** Why whoever is signed in can do neither, in words. */
  readonly denied: string | undefined
}

/** The rows of the list: by priority, then the newest first, and what is shelved last. A row keeps its place while it stands. */
export function alarmRows(
  alarms: readonly AlarmView[],
  reach: Reach,
  now: UnixMs,
  timeZone?: string,
): readonly AlarmRow[] {
  return alarms
    .toSorted(
      (a, b) =>
        Number(a.state === 'shelved') - Number(b.state === 'shelved') ||
        a.priority - b.priority ||
        b.id - a.id,
    )
    .map(view => rowOf(view, reach, now, timeZone))
}

function rowOf(view: AlarmView, reach: Reach, now: UnixMs, timeZone: string | undefined): AlarmRow {
  const { id, alarm, severity, state, detail, consequence, remedy, count, first, last } = view
  const often = count > 1 ? `, ${count} times, last at ${until(last, now, timeZone)}` : ''
  const isShelved = state === 'shelved'
  return {
    id,
    priority: String(view.priority),
    severity,
    name: alarm,
    about: aboutOf(view) ?? '',
    state: describeState(view, now, timeZone),
    detail,
    when: `since ${since(first, now, timeZone)}${often}`,
    // A page that was loaded from another version of the agent may meet a name that it does not know.
    cause: isName(alarm) ? formOf(alarm).cause : '',
    consequence,
    remedy,
    isUnseen: !isShelved && view.acknowledged === undefined && state !== 'cleared',
    isShelved,
    canAcknowledge: !isShelved && view.acknowledged === undefined,
    // A critical alarm is not shelved (docs/ALARMS.md).
    canShelve: !isShelved && severity !== 'critical',
    denied: reach.denial('acknowledge', view.actuator),
  }
}

function isName(alarm: string): alarm is AlarmName {
  return Object.hasOwn(ALARMS, alarm)
}

function describeState(
  { state, acknowledged, shelved }: AlarmView,
  now: UnixMs,
  timeZone: string | undefined,
): string {
  switch (state) {
    case 'unacknowledged':
      return 'NOT ACKNOWLEDGED'
    case 'latched':
      return 'LATCHED: stands until it is acknowledged'
    case 'cleared':
      return 'OVER, not acknowledged'
    case 'acknowledged':
      return acknowledged ? `acknowledged by ${acknowledged.by}` : 'acknowledged'
    case 'shelved':
      return shelved
        ? `shelved by ${shelved.by} until ${until(shelved.until, now, timeZone)}: ${shelved.reason}`
        : 'shelved'
    default:
      return state
  }
}

/** What is to be read aloud: the alarms that nobody has seen and that were not there, or said something else, before. */
export function newsIn(before: readonly AlarmRow[], rows: readonly AlarmRow[]): string {
  const known = new Map(before.map(row => [row.id, row]))
  return rows
    .filter(row => {
      const was = known.get(row.id)
      return row.isUnseen && !(was?.isUnseen && was.detail === row.detail && was.severity === row.severity)
    })
    .map(({ severity, name, about, detail }) => `${severity} alarm: ${name} ${about}: ${detail}`)
    .join('. ')
}
