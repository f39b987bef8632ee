import type { Driver } from '../drivers/driver.ts'
import { OpcUaDriver } from '../drivers/opcua/driver.ts'
import type { MonitoredPoint } from '../failsafe/monitor.ts'

/** A device's own driver, and the same as others use it, with its progress watched. */
interface Sides {
  readonly driver: Driver
  readonly watched: Driver
}

/** The same points; those of OPC UA servers are told of by the servers, where they do that. */
export function subscribedPoints(
  monitored: ReadonlyMap<string, MonitoredPoint>,
  devices: readonly Sides[],
): Map<string, MonitoredPoint> {
  const subscribed = new Map(monitored)
  for (const { driver, watched } of devices) {
    if (!(driver instanceof OpcUaDriver)) continue
    const own = [...monitored].filter(([, point]) => point.driver === watched)
    const watch = driver.watch(new Map(own.map(([, wish]) => [wish.point, wish])), watched)
    for (const [id, point] of own) subscribed.set(id, { ...point, driver: watch })
  }
  return subscribed
}
