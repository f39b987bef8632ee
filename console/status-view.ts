import type { Found } from '../model/outcome.ts'
import { formatDuration } from '../model/time.ts'
import type { AlarmView } from './alarm-view.ts'
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
