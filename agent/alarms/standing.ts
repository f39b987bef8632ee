import { type AlarmAbout, type AlarmName, formOf } from '../../model/alarm.ts'
import { isWorse, type Priority, priorityOf, type Severity } from '../../model/alarm-form.ts'
import type { UnixMs } from '../../model/time.ts'

/** Somebody who has seen an alarm. */
export interface Seen {
  readonly by: string
  readonly at: UnixMs
}

/** An alarm that somebody wants to hear nothing of for a while. */
export interface Shelf {
  readonly by: string
  readonly at: UnixMs
  readonly until: UnixMs
  readonly reason: string
}

/** One alarm of the list: it is there while it is active, has not been acknowledged, or is shelved. */
export interface StandingAlarm {
  /** Never the same twice: what was acknowledged is what was seen. */
  readonly id: number
  readonly name: AlarmName
  readonly about: AlarmAbout
  readonly severity: Severity
  readonly detail: string
  /** Whether what it tells of goes on, as far as the agent can see. */
  readonly active: boolean
  readonly seen: Seen | undefined
  readonly shelf: Shelf | undefined
  /** How often it was raised since it has stood here, and when. */
  readonly count: number
  readonly first: UnixMs
  readonly last: UnixMs
  /** When what it told of was over. */
  readonly cleared: UnixMs | undefined
}

/**
 * Where an alarm stands, in the words of ISA-18.2 §5.4. `latched` is one whose end the agent cannot see: acknowledging ends
 * it. `cleared` is over and was never acknowledged ("return to normal, unacknowledged").
 */
export type AlarmState = 'unacknowledged' | 'acknowledged' | 'cleared' | 'latched' | 'shelved' | 'normal'

export function stateOf({ name, active, seen, shelf }: StandingAlarm): AlarmState {
  if (shelf) return 'shelved'
  if (!active) return seen ? 'normal' : 'cleared'
  if (seen) return 'acknowledged'
  return formOf(name).ends === 'acknowledging' ? 'latched' : 'unacknowledged'
}

/** In what order it is to be taken up: 1 first. */
export function priorityIn({ name, severity }: StandingAlarm): Priority {
  return priorityOf(severity, formOf(name).within)
}

export type AlarmEvent =
  | {
      readonly type: 'raised'
      readonly detail: string
      readonly about: AlarmAbout
      readonly severity: Severity
    }
  | { readonly type: 'over' }
  | { readonly type: 'acknowledged'; readonly by: string }
  | { readonly type: 'shelved'; readonly by: string; readonly until: UnixMs; readonly reason: string }
  | { readonly type: 'unshelved' }

/** What is told of a transition. Undefined: there is nothing to tell. */
export type AlarmNews = 'raised' | 'cleared' | 'acknowledged' | 'shelved' | 'unshelved' | undefined

export interface AlarmStep {
  readonly alarm: StandingAlarm
  readonly news: AlarmNews
}

/** What becomes of a standing alarm: a pure function. An alarm whose state is `normal` afterwards leaves the list. */
export function step(alarm: StandingAlarm, event: AlarmEvent, now: UnixMs): AlarmStep {
  switch (event.type) {
    case 'raised':
      return raise(alarm, event, now)
    case 'over':
      return alarm.active
        ? { alarm: { ...alarm, active: false, cleared: now }, news: 'cleared' }
        : { alarm, news: undefined }
    case 'acknowledged':
      return acknowledge(alarm, event.by, now)
    case 'shelved': {
      const { by, until, reason } = event
      return { alarm: { ...alarm, shelf: { by, at: now, until, reason } }, news: 'shelved' }
    }
    case 'unshelved':
      return alarm.shelf
        ? { alarm: { ...alarm, shelf: undefined }, news: 'unshelved' }
        : { alarm, news: undefined }
  }
}

function raise(
  alarm: StandingAlarm,
  { detail, about, severity }: Extract<AlarmEvent, { type: 'raised' }>,
  now: UnixMs,
): AlarmStep {
  const isWorseNow = isWorse(severity, alarm.severity)
  // What says the same again is counted and no more. What says something new, nobody has seen.
  const isNews = !alarm.active || isWorseNow || detail !== alarm.detail
  const raised: StandingAlarm = {
    ...alarm,
    about,
    severity,
    detail,
    active: true,
    seen: isNews ? undefined : alarm.seen,
    // Who shelved it did not know that it would be critical.
    shelf: isWorseNow && severity === 'critical' ? undefined : alarm.shelf,
    count: alarm.count + 1,
    last: now,
    cleared: undefined,
  }
  return { alarm: raised, news: isNews ? 'raised' : undefined }
}

function acknowledge(alarm: StandingAlarm, by: string, now: UnixMs): AlarmStep {
  if (alarm.seen) return { alarm, news: undefined }
  const ends = formOf(alarm.name).ends === 'acknowledging'
  const over = ends && alarm.active ? { active: false, cleared: now } : {}
  return { alarm: { ...alarm, ...over, seen: { by, at: now } }, news: 'acknowledged' }
}
