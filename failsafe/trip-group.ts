import type { Clock, Millis } from '../model/time.ts'

/** One step of a trip group: an actuator, and what is waited for before it is driven. */
export interface TripStep {
  readonly actuator: string
  /**
   * - `written`: the step before was told to go, which takes no time.
   * - `verified`: the step before is seen in its safe state, or its travel time is over without that.
   */
  readonly after: 'written' | 'verified'
  /** And then so long: no water hammer. */
  readonly delay: Millis
}

/** Actuators that trip together, in this order. */
export type TripGroup = readonly TripStep[]

/** What a sequence needs of the trips. */
export interface SequenceParts {
  readonly clock: Clock
  readonly signal: AbortSignal
  drive(actuator: string): void
  /** Resolves when the actuator is in its safe state, has not got there in its travel time, or is not tripped. */
  settled(actuator: string): Promise<void>
}

/**
 * Drives those members of a group that are asked for, in order. A step that fails stops none of the others. Up to the
 * first wait it runs before it first yields: where nothing is waited for, every write is on its way when it returns.
 */
export async function driveInOrder(
  group: TripGroup,
  asked: ReadonlySet<string>,
  { clock, signal, drive, settled }: SequenceParts,
): Promise<void> {
  for (const [index, { actuator, after, delay }] of group.entries()) {
    const before = group[index - 1]
    // What would be waited for matters only to steps that are still to come.
    if (!group.slice(index).some(step => asked.has(step.actuator))) return
    if (before && after === 'verified') await settled(before.actuator)
    if (before && delay > 0) await clock.sleep(delay, signal)
    if (signal.aborted) return
    if (asked.has(actuator)) drive(actuator)
  }
}
