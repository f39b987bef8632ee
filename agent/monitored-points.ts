import type { Driver } from '../drivers/driver.ts'
import { feedbackOf } from '../failsafe/condition.ts'
import type { MonitoredPoint } from '../failsafe/monitor.ts'
import type { Millis } from '../model/time.ts'
import type { Config } from './config/config.ts'
import { feedbackPoint, readingPoint } from './point-names.ts'

const FEEDBACK_EVERY: Millis = 500

/** What is looked at in the background: every reading, and the feedback of actuators that something is guarded by. */
export function monitoredPoints(
  config: Config,
  drivers: ReadonlyMap<string, Driver>,
): Map<string, MonitoredPoint> {
  const monitored = new Map<string, MonitoredPoint>()
  const timeoutOf = (device: string): Millis => config.devices.get(device)?.timeout ?? 1000
  for (const { id, device, every, staleAfter } of config.readings.values()) {
    const driver = drivers.get(device)
    if (driver)
      monitored.set(id, { driver, point: readingPoint(id), every, staleAfter, timeout: timeoutOf(device) })
  }
  const every = FEEDBACK_EVERY
  for (const id of actuatorsToMonitor(config)) {
    const device = config.actuators.get(id)?.device ?? ''
    const driver = drivers.get(device)
    const timeout = timeoutOf(device)
    if (driver)
      monitored.set(feedbackOf(id), {
        driver,
        point: feedbackPoint(id),
        every,
        staleAfter: every * 3 + timeout,
        timeout,
      })
  }
  return monitored
}

/** Those whose own guards look at their feedback, and those that others' conditions look at. */
function actuatorsToMonitor(config: Config): Set<string> {
  const named = new Set<string>()
  for (const [id, { guards }] of config.actuators) {
    const { tripsOn, interlocks, permissives, hold } = guards
    const looks = [tripsOn.operatorHeartbeat, tripsOn.deviceUnreachable, tripsOn.feedbackMismatch]
    if (interlocks.length > 0 || looks.some(after => after !== undefined)) named.add(id)
    for (const condition of [...interlocks, ...permissives, ...(hold ? [hold.until] : [])])
      if (condition.kind === 'is') named.add(condition.actuator)
  }
  return named
}
