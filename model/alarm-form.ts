/**
 * How bad it gets when nobody acts.
 * - `critical`: the plant, its commands or the proof of them are lost or at stake.
 * - `warning`: a safeguard or a service is, and the plant is not yet.
 * - `notice`: perhaps nothing: somebody should know.
 */
export type Severity = 'critical' | 'warning' | 'notice'

/** How long there is until then. */
export type Urgency = 'minutes' | 'hours' | 'days'

/** In what order the person on shift takes alarms up: 1 first. */
export type Priority = 1 | 2 | 3 | 4

/** What is known of an alarm of a name before it is ever raised: its rationalisation, as ISA-18.2 §6.2 asks for it. */
export interface AlarmForm {
  readonly severity: Severity
  /** The severity that it can rise to, where it gets worse by degrees. */
  readonly worst?: Severity
  /** How soon somebody has to act. */
  readonly within: Urgency
  /**
   * What ends it. `itself`: the agent sees that what it tells of is over. `acknowledging`: the agent cannot see that, so it
   * latches, and stands until somebody says that they have seen it. `nothing`: it is a record in the audit log and no more.
   */
  readonly ends: 'itself' | 'acknowledging' | 'nothing'
  readonly cause: string
  /** What comes of it when nobody acts. */
  readonly consequence: string
  /** What the person on shift does. */
  readonly remedy: string
}

const PRIORITIES = {
  critical: { minutes: 1, hours: 2, days: 3 },
  warning: { minutes: 2, hours: 3, days: 4 },
  notice: { minutes: 3, hours: 4, days: 4 },
} as const satisfies Record<Severity, Record<Urgency, Priority>>

/** The priority that follows from how bad it gets and how long there is until then (ISA-18.2 §6.2.6). */
export function priorityOf(severity: Severity, within: Urgency): Priority {
  return PRIORITIES[severity][within]
}

const ORDER: readonly Severity[] = ['critical', 'warning', 'notice']

/** Whether one severity is worse than another. */
export function isWorse(one: Severity, other: Severity): boolean {
  return ORDER.indexOf(one) < ORDER.indexOf(other)
}
