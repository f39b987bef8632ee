import type { Found } from '../model/outcome.ts'
import { formatDuration } from '../model/time.ts'
import { type AlarmView, countAlarms } from './alarm-view.ts'
import type { GuardsView } from './guards.ts'

/** An actuator, as the agent shows it. */
export interface ActuatorView extends GuardsView {
  readonly id: string
  readonly description: string
  readonly position: Found
  readonly quality: 'good' | 'bad'
  /** Of a good value: how old it was when the agent answered. */
  readonly age_ms?: number
  /** Of a bad one: why. */
  readonly detail?: string
  readonly phase: string
  /** Where it was last seen to be on a command of this run of the agent, and should still be. */
  readonly set_to?: string | number
  readonly safe: string
  readonly takes: string
  readonly held?: string
  readonly unmet?: { readonly kind: string; readonly detail: string }
  readonly first_out?: {
    readonly cause: string
    readonly detail: string
    readonly at: string
    readonly acknowledged?: { readonly by: string; readonly at: string }
  }
}

export interface ClockView {
  readonly state: 'agreed' | 'holdover' | 'behind'
  readonly disagreement_ms?: number
  readonly synchronised: boolean | null
}

/** How the agent's clock stands to the system's, and whether anything keeps that right. */
export function describeClock({ state, disagreement_ms = 0, synchronised }: ClockView): string {
  const kept =
    synchronised === null
      ? 'the system does not say whether it is synchronised'
      : `the system clock is ${synchronised ? '' : 'NOT '}synchronised`
  switch (state) {
    case 'agreed':
      return kept
    case 'holdover': {
      const step = `${formatDuration(Math.abs(disagreement_ms))} ${disagreement_ms > 0 ? 'ahead' : 'back'}`
      return `NOT THE SYSTEM'S, which was set ${step}; when that is right: holdfast clock accept. ${kept}`
    }
    case 'behind':
      return `NOT TRUSTED, the system's says a time that has been; when that is right: holdfast clock accept. ${kept}`
  }
}

/** The agent and the plant as it sees it: `GET /v1/status`, as far as the console shows it. */
export interface StatusView {
  readonly environment: string
  readonly gateway: string
  readonly time: string
  readonly uptime_ms: number
  readonly troubles: readonly string[]
  readonly alarms: readonly AlarmView[]
  readonly actuators: readonly ActuatorView[]
  readonly clock: ClockView
  readonly master_key: {
    readonly source: string
    readonly available: boolean
    readonly detail?: string
    readonly remedy?: string
  }
  readonly audit: { readonly records: number; readonly queue: number; readonly unwritable?: string }
  readonly break_glass: { readonly state: string; readonly until?: string }
  readonly device_watchdogs: Readonly<Record<string, { readonly kind: string; readonly detail?: string }>>
  readonly suspended: Readonly<Record<string, string>>
  readonly closed_listeners: Readonly<Record<string, string>>
}

/** The one line that is read first: what cannot be done, and how many alarms and actuators somebody should look at. */
export function headline({ master_key, troubles, break_glass, alarms, actuators }: StatusView): string {
  const count = (words: string, is: (actuator: ActuatorView) => boolean): string[] => {
    const number = actuators.filter(is).length
    return number === 0 ? [] : [`${number} ${words}`]
  }
  const agent = master_key.available
    ? troubles.length === 0
      ? 'carrying out commands'
      : 'TOWARDS SAFE ONLY'
    : 'NO NEW SIGNATURES CAN BE CHECKED'
  return [
    agent,
    ...(break_glass.state === 'open' ? [`BREAK-GLASS IN USE UNTIL ${break_glass.until}`] : []),
    ...countAlarms(alarms),
    ...count('NOT SAFE AFTER A TRIP', ({ phase }) => phase === 'trip-failed' || phase === 'tripping'),
    ...count('TRIPPED', ({ phase }) => phase === 'tripped' || phase === 'resetting'),
    ...count('LOCKED OUT', ({ locked_out }) => locked_out !== undefined),
    ...count('WITHOUT FEEDBACK', ({ position }) => position === null),
  ].join(', ')
}
