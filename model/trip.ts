import type { Json } from './json.ts'
import type { UnixMs } from './time.ts'

/**
 * Why an actuator was driven to its safe state. Every cause latches but one: an interlock ends by itself, when its
 * condition holds again.
 */
export const TRIP_CAUSES = [
  'authentication-failures',
  'operator-heartbeat-lost',
  'device-unreachable',
  'feedback-mismatch',
  'process-limit',
  'master-key-unavailable',
  'clock-untrusted',
  'audit-unwritable',
  'manual',
  'agent-stopping',
  'interlock',
] as const

export type TripCause = (typeof TRIP_CAUSES)[number]

/** Where an actuator stands. `tripping` is commanded and not yet verified; `trip-failed` is loud and keeps trying. */
export type TripPhase = 'normal' | 'tripping' | 'tripped' | 'trip-failed' | 'resetting'

/** What repeated authentication failures left of themselves. */
export interface TripEvidence {
  /** Whom they are put down to. */
  readonly identity: string
  readonly count: number
  /** The addresses that they came from; of many, the first few. */
  readonly sources: readonly string[]
  readonly first: UnixMs
  readonly last: UnixMs
}

/** What is kept of a trip until it is reset: the first-out cause and the evidence for it. */
export interface TripRecord {
  readonly cause: TripCause
  /** In words, for the person on shift. */
  readonly detail: string
  readonly at: UnixMs
  /** Of a trip by authentication failures. */
  readonly evidence?: TripEvidence
  /** Who has seen it, and when. Without that it is not reset. */
  readonly acknowledged?: { readonly by: string; readonly at: UnixMs }
}

/** Evidence as people and programs read it, with times in RFC 3339. */
export function viewEvidence({ identity, count, sources, first, last }: TripEvidence): {
  [key: string]: Json
} {
  return {
    identity,
    count,
    sources: [...sources],
    first: new Date(first).toISOString(),
    last: new Date(last).toISOString(),
  }
}
