import { describeFound } from '../../model/outcome.ts'
import type { Millis, UnixMs } from '../../model/time.ts'
import { describeGuards } from '../guards.ts'
import type { ActuatorView } from '../status-view.ts'
import type { Reach } from './reach.ts'
import { ago, since } from './time-text.ts'

/** What comes next about a trip. */
export type NextStep = 'acknowledge' | 'reset' | undefined

/** An actuator in the words of the panel. */
export interface ActuatorCard {
  readonly id: string
  readonly description: string
  readonly found: string
  /** How old the value is, or why there is none. */
  readonly quality: string
  readonly isBad: boolean
  /** Where it was set to, where that is known, and its safe state. */
  readonly setTo: string
  readonly safe: string
  readonly phase: string
  /** `trip` while it is tripped, `alarm` where something else is to be looked at. */
  readonly look: 'trip' | 'alarm' | ''
  /** Its first-out cause, who has seen it, and what stands between it and a command. */
  readonly lines: readonly string[]
  readonly next: NextStep
  /** Why whoever is signed in cannot trip it, in words. */
  readonly tripDenied: string | undefined
  /** Why they cannot take the next step. */
  readonly nextDenied: string | undefined
}

const PHASES: Readonly<Record<string, string>> = {
  normal: '',
  tripping: 'TRIPPING: told to go to its safe state, not seen there yet',
  tripped: 'TRIPPED',
  'trip-failed': 'TRIP FAILED: NOT SEEN IN ITS SAFE STATE. GO THERE',
  resetting: 'being reset',
}

/** One card; `age` is how long ago the agent said it. */
export function actuatorCard(
  view: ActuatorView,
  reach: Reach,
  age: Millis,
  now: UnixMs,
  timeZone?: string,
): ActuatorCard {
  const {
    id,
    description,
    position,
    quality,
    age_ms = 0,
    detail,
    set_to,
    safe,
    phase,
    first_out,
    held,
    unmet,
  } = view
  const isBad = quality === 'bad' || position === null
  const guards = describeGuards(view)
  const seen = first_out?.acknowledged
  const isTripped = phase !== 'normal'
  const next: NextStep = first_out ? (seen ? 'reset' : 'acknowledge') : undefined
  return {
    id,
    description,
    found: describeFound(position),
    quality: isBad ? `BAD QUALITY: ${detail ?? 'its feedback says nothing'}` : `read ${ago(age_ms + age)}`,
    isBad,
    setTo: isTripped ? 'driven to its safe state' : set_to === undefined ? '' : `set to ${set_to}`,
    safe: safe === 'hold' ? 'safe: holds where it is' : `safe: ${safe}`,
    phase: PHASES[phase] ?? phase,
    look: isTripped ? 'trip' : isBad || guards.length > 0 || unmet !== undefined ? 'alarm' : '',
    lines: [
      ...(first_out
        ? [`first-out: ${first_out.cause}, ${since(first_out.at, now, timeZone)}`, first_out.detail]
        : []),
      ...(first_out ? [seen ? `acknowledged by ${seen.by}` : 'not acknowledged yet'] : []),
      ...(unmet ? [`${unmet.kind}: ${unmet.detail}`] : []),
      ...(held === undefined ? [] : [held]),
      ...guards,
    ],
    // An interlock ends by itself; the agent says so to whoever tries to reset it.
    next,
    tripDenied: reach.denial('trip', id),
    nextDenied: next && reach.denial(next, id),
  }
}
