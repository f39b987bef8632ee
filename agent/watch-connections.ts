import type { Clock } from '../model/time.ts'
import type { Alarms } from './alarms/alarms.ts'
import { LostConnections } from './alarms/lost-connections.ts'
import { Measures } from './alarms/measures.ts'
import type { Devices } from './devices.ts'

/** Begins to look whether there is a connection to each device, and raises an alarm about each that has had none for a while. */
export function watchConnections(
  devices: Pick<Devices, 'connections'>,
  clock: Clock,
  alarms: Pick<Alarms, 'raise' | 'clear'>,
): AsyncDisposable {
  const lost = new LostConnections(clock)
  const find = () => lost.find(devices.connections)
  const measures = new Measures([{ name: 'device-disconnected', every: 1000, find }], alarms, clock)
  measures.start()
  return measures
}
