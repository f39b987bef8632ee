import type { UnixMs } from '../model/time.ts'
import type { TripCause, TripPhase, TripRecord } from '../model/trip.ts'

/** Where one actuator's trip stands. `record` is the first-out cause, kept until the reset is done. */
export interface TripState {
  readonly phase: TripPhase
  readonly record?: TripRecord
}

export type TripEvent =
  | { readonly type: 'trip'; readonly cause: TripCause; readonly detail: string; readonly at: UnixMs }
  /** Feedback shows the safe state. */
  | { readonly type: 'safe-verified' }
  /** The travel time has passed and feedback does not show the safe state. */
  | { readonly type: 'safe-overdue'; readonly detail: string }
  /** Feedback no longer shows the safe state, and nobody was told to move. */
  | { readonly type: 'safe-lost'; readonly detail: string }
  | { readonly type: 'reset-requested' }
  | { readonly type: 'reset-granted' }
  | { readonly type: 'reset-withdrawn' }

/** What is to be done about a transition. The machine asks; somebody else does it, in this order. */
export type TripEffect =
  | { readonly type: 'alarm'; readonly detail: string }
  | { readonly type: 'drive' }
  | { readonly type: 'keep-latch' }
  | { readonly type: 'clear-latch' }
  | { readonly type: 'record'; readonly kind: TripRecordKind; readonly detail: string }

/** What is written down about a trip. */
export type TripRecordKind = 'trip' | 'trip-safe' | 'trip-failed' | 'trip-safe-lost'

export interface Transition {
  readonly state: TripState
  readonly effects: readonly TripEffect[]
}

export const NORMAL: TripState = { phase: 'normal' }

/**
 * The trip machine: a pure function. While the phase is not `normal` nothing away from safe is permitted; only a granted
 * reset leads back to `normal`; the first-out cause survives every later one.
 */
export function step(state: TripState, event: TripEvent): Transition {
  switch (event.type) {
    case 'trip':
      return trip(state, event)
    case 'safe-verified':
      return state.phase === 'tripping' || state.phase === 'trip-failed'
        ? move(state, 'tripped', [
            { type: 'record', kind: 'trip-safe', detail: 'feedback shows the safe state' },
            { type: 'keep-latch' },
          ])
        : stay(state)
    case 'safe-overdue':
      return state.phase === 'tripping'
        ? move(state, 'trip-failed', [
            { type: 'alarm', detail: `not in its safe state: ${event.detail}; still trying` },
            { type: 'record', kind: 'trip-failed', detail: event.detail },
          ])
        : stay(state)
    case 'safe-lost':
      return state.phase === 'tripped' || state.phase === 'resetting'
        ? move(state, 'tripping', [
            { type: 'alarm', detail: `has left its safe state: ${event.detail}` },
            { type: 'drive' },
            { type: 'record', kind: 'trip-safe-lost', detail: event.detail },
            { type: 'keep-latch' },
          ])
        : stay(state)
    case 'reset-requested':
      return state.phase === 'tripped' ? move(state, 'resetting', []) : stay(state)
    case 'reset-granted':
      return state.phase === 'resetting' ? { state: NORMAL, effects: [{ type: 'clear-latch' }] } : stay(state)
    case 'reset-withdrawn':
      return state.phase === 'resetting' ? move(state, 'tripped', []) : stay(state)
  }
}

function trip(state: TripState, event: Extract<TripEvent, { type: 'trip' }>): Transition {
  const record: TripRecord = { cause: event.cause, detail: event.detail, at: event.at }
  const effects: readonly TripEffect[] = [
    { type: 'alarm', detail: event.detail },
    { type: 'drive' },
    { type: 'record', kind: 'trip', detail: event.detail },
    { type: 'keep-latch' },
  ]
  switch (state.phase) {
    case 'normal':
      return { state: { phase: 'tripping', record }, effects }
    case 'resetting':
      // The reset was not done yet, so the cause that it was for is still the first-out.
      return move(state, 'tripping', effects)
    case 'tripping':
    case 'tripped':
    case 'trip-failed':
      return stay(state)
  }
}

function move(state: TripState, phase: TripPhase, effects: readonly TripEffect[]): Transition {
  return { state: { ...state, phase }, effects }
}

function stay(state: TripState): Transition {
  return { state, effects: [] }
}
