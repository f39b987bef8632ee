import { stoppingTime, stopSafely } from '../failsafe/stopping.ts'
import type { Trips } from '../failsafe/trips.ts'
import type { Guards } from '../failsafe/watchdog/guards.ts'
import type { RaiseAlarm } from '../model/alarm.ts'
import type { Clock, Millis } from '../model/time.ts'
import type { Actuator } from './command/actuator.ts'
import type { Config } from './config/config.ts'

/**
 * What the agent does to the plant when it is told to stop: drives what is declared `on_stop: safe` to safe, and then switches those
 * device watchdogs off that are declared so. Where something was not seen safe none is: then the devices still have to make it so.
 */
export async function stopInOrder(
  config: Config,
  actuators: ReadonlyMap<string, Actuator>,
  trips: Trips,
  guards: Guards,
  clock: Clock,
  alarm: RaiseAlarm,
): Promise<void> {
  const unsafe = await stopSafely(
    drivenAtStop(config, actuators),
    [...config.tripGroups.values()],
    trips,
    clock,
  )
  for (const actuator of unsafe)
    alarm('stopped-unsafe', 'the agent stops, and it was not seen in its safe state', { actuator })
  if (unsafe.length > 0) return
  for (const detail of await guards.stop()) alarm('watchdog-not-stopped', detail)
}

/** How long that may take, at most. */
export function stopTime(config: Config, actuators: ReadonlyMap<string, Actuator>): Millis {
  return stoppingTime(drivenAtStop(config, actuators), [...config.tripGroups.values()])
}

function drivenAtStop({ actuators }: Config, known: ReadonlyMap<string, Actuator>): Actuator[] {
  return [...actuators.values()]
    .filter(({ onStop }) => onStop === 'safe')
    .flatMap(({ id }) => known.get(id) ?? [])
}
