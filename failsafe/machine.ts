import type { UnixMs } from '../model/time.ts'
import type { TripCause, TripEvidence, TripPhase, TripRecord } from '../model/trip.ts'

/** Where one actuator's trip stands. */
export interface TripState {
  readonly phase: TripPhase
  /** The first-out cause, kept until the reset is done. */
  readonly record?: TripRecord
  /** Whether it takes a reset to end it. False only while nothing but an interlock has acted. */
  readonly latched?: boolean
}

export type TripEvent =
  | {
      readonly type: 'trip'
      readonly cause: TripCause
      readonly detail: string
      readonly at: UnixMs
      readonly evidence?: TripEvidence
    }
  /** Feedback shows the safe state. */
  | { readonly type: 'safe-verified' }
  /** The travel time has passed and feedback does not show the safe state. */
  | { readonly type: 'safe-overdue'; readonly detail: string }
  /** Feedback no longer shows the safe state, and nobody was told to move. */
  | { readonly type: 'safe-lost'; readonly detail: string }
  /** What an interlock asks for holds again. */
  | { readonly type: 'interlock-healthy' }
  | { readonly type: 'acknowledged'; readonly by: string; readonly at: UnixMs }
  | { readonly type: 'reset-requested' }
  | { readonly type: 'reset-granted' }
  | { readonly type: 'reset-withdrawn' }

/** What is to be done about a transition. The machine asks; somebody else does it, in this order. */
export type TripEffect =
  | { readonly type: 'alarm'; readonly detail: string }
  | { readonly type: 'drive' }
  | { readonly type: 'keep-latch' }
  | { readonly type: 'clear-latch' }
  | {
      readonly type: 'record'
      readonly kind: TripRecordKind
      readonly detail: string
      readonly evidence?: TripEvidence
    }

/** What is written down about a trip. */
export type TripRecordKind =
  | 'trip'
  | 'trip-safe'
  | 'trip-failed'
  | 'trip-safe-lost'
  | 'trip-acknowledged'
  | 'interlock-ended'

export interface Transition {
  readonly state: TripState
  readonly effects: readonly TripEffect[]
}

export const NORMAL: TripState = { phase: 'normal' }

/**
 * The trip machine: a pure function. While the phase is not `normal` nothing away from safe is permitted. A latched trip
 * leads back to `normal` by a granted reset alone, and that is only asked for once somebody has acknowledged it; an
 * interlock that nothing else has joined ends when it is healthy. The first-out cause survives every later one.
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
        ? move(unacknowledged(state), 'tripping', [
            { type: 'alarm', detail: `has left its safe state: ${event.detail}` },
            { type: 'drive' },
            { type: 'record', kind: 'trip-safe-lost', detail: event.detail },
            { type: 'keep-latch' },
          ])
        : stay(state)
    case 'interlock-healthy':
      return state.phase === 'tripped' && !state.latched
        ? {
            state: NORMAL,
            effects: [
              { type: 'record', kind: 'interlock-ended', detail: 'what the interlock asks for holds again' },
              { type: 'clear-latch' },
            ],
          }
        : stay(state)
    case 'acknowledged':
      return acknowledge(state, event)
    case 'reset-requested':
      return state.phase === 'tripped' && state.latched && state.record?.acknowledged
        ? move(state, 'resetting', [])
        : stay(state)
    case 'reset-granted':
      return state.phase === 'resetting' ? { state: NORMAL, effects: [{ type: 'clear-latch' }] } : stay(state)
    case 'reset-withdrawn':
      return state.phase === 'resetting' ? move(state, 'tripped', []) : stay(state)
  }
}

function trip(state: TripState, event: Extract<TripEvent, { type: 'trip' }>): Transition {
  const { cause, detail, at } = event
  const evidence = event.evidence ? { evidence: event.evidence } : {}
  const latches = cause !== 'interlock'
  const effects: readonly TripEffect[] = [
    { type: 'alarm', detail },
    { type: 'drive' },
    { type: 'record', kind: 'trip', detail, ...evidence },
    { type: 'keep-latch' },
  ]
  switch (state.phase) {
    case 'normal':
      return {
        state: { phase: 'tripping', record: { cause, detail, at, ...evidence }, latched: latches },
        effects,
      }
    case 'resetting':
      // It is safe, and the reset does not move it: an interlock asks for no more, and refuses commands away from safe after it too.
      if (!latches) return stay(state)
      // The reset was not done yet, so the cause that it was for is still the first-out.
      return move(unacknowledged(state), 'tripping', effects)
    case 'tripping':
    case 'tripped':
    case 'trip-failed':
      // An interlock was first, and now something has joined it that takes a reset. It is on its way, or there, already.
      if (latches && !state.latched)
        return {
          state: { ...unacknowledged(state), latched: true },
          effects: effects.filter(({ type }) => type !== 'drive'),
        }
      // A person wants it stopped: whoever acknowledged what was before has not seen that. Other causes come again and again.
      if (cause === 'manual')
        return {
          state: unacknowledged(state),
          effects: effects.filter(({ type }) => type === 'record' || type === 'keep-latch'),
        }
      return stay(state)
  }
}

function acknowledge(state: TripState, { by, at }: Extract<TripEvent, { type: 'acknowledged' }>): Transition {
  if (!state.record || state.record.acknowledged) return stay(state)
  return {
    state: { ...state, record: { ...state.record, acknowledged: { by, at } } },
    effects: [{ type: 'record', kind: 'trip-acknowledged', detail: `seen by ${by}` }, { type: 'keep-latch' }],
  }
}

/** Something new has happened that nobody has seen yet. */
function unacknowledged(state: TripState): TripState {
  if (!state.record) return state
  const { acknowledged: _, ...record } = state.record
  return { ...state, record }
}

function move(state: TripState, phase: TripPhase, effects: readonly TripEffect[]): Transition {
  return { state: { ...state, phase }, effects }
}

function stay(state: TripState): Transition {
  return { state, effects: [] }
}
