import type { Clock, Millis } from '../model/time.ts'
import type { GuardedActuator } from './guarded.ts'
import type { TripGroup } from './trip-group.ts'
import type { Trips } from './trips.ts'

const LOOK_EVERY: Millis = 20
/** Beyond what the actuators need by themselves: for the alarms, and for a machine that is busy. */
const MARGIN: Millis = 2000

/**
 * How long these actuators could take to safe one after the other, with the delays of the groups; nothing where there are none. Each is told, travels
 * and is looked at; being told and being looked at may have to wait for somebody else on its line. One that does not get there is given up
 * no later than that by the trips.
 */
export function stoppingTime(actuators: readonly GuardedActuator[], groups: readonly TripGroup[]): Millis {
  if (actuators.length === 0) return 0
  const needed = actuators.reduce(
    (sum, { travelTime, deviceTimeout, turnWithin }) => sum + travelTime + 2 * (turnWithin + deviceTimeout),
    0,
  )
  const waits = groups.flat().reduce((sum, { delay }) => sum + delay, 0)
  return needed + waits + MARGIN
}

/**
 * The agent is being stopped: drives these actuators to safe, with their trip groups and in those groups' order, and waits until
 * feedback shows it, but no longer than `stoppingTime`. Returns those that were not seen safe.
 */
export async function stopSafely(
  actuators: readonly GuardedActuator[],
  groups: readonly TripGroup[],
  trips: Pick<Trips, 'trip' | 'phase'>,
  clock: Clock,
): Promise<readonly string[]> {
  if (actuators.length === 0) return []
  const deadline = clock.monotonic() + stoppingTime(actuators, groups)
  for (const { id } of actuators) trips.trip(id, 'agent-stopping', 'the agent is being stopped')
  for (;;) {
    const moving = actuators.map(({ id }) => id).filter(id => trips.phase(id) !== 'tripped')
    if (moving.length === 0 || clock.monotonic() >= deadline) return moving
    await clock.sleep(LOOK_EVERY)
  }
}
