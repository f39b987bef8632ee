import type { UnixMs } from './time.ts'

/** Why an actuator was driven to its safe state. */
export type TripCause = 'authentication-failures' | 'agent-stopping'

/** Where an actuator stands. `tripping` is commanded and not yet verified; `trip-failed` is loud and keeps trying. */
export type TripPhase = 'normal' | 'tripping' | 'tripped' | 'trip-failed' | 'resetting'

/** What is kept of a trip until it is reset: the first-out cause and the evidence for it. */
export interface TripRecord {
  readonly cause: TripCause
  /** In words, for the person on shift. */
  readonly detail: string
  readonly at: UnixMs
}
