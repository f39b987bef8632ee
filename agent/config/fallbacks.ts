import { originOf, type Point, resolutionOf } from '../../drivers/point.ts'
import type { Target } from '../../model/setpoint.ts'
import type { FallbackConfig } from './config.ts'
import { type PointFile, resolvePoint } from './points.ts'
import type { Report } from './problem.ts'
import type { WatchdogFile } from './watchdogs.ts'

interface FallenBack {
  readonly watchdog: WatchdogFile | undefined
  readonly command: Point
  /** Undefined where it is to stay as it is. */
  readonly safe: Target | undefined
  readonly point: PointFile | undefined
}

/**
 * What an actuator's output falls back to when the device's watchdog expires, as far as the configuration alone shows it. A
 * coupler sets its outputs to 0 unless something else was set in it; a PLC's program does what it was written to do.
 */
export function resolveFallback(
  { watchdog, command, safe, point }: FallenBack,
  report: Report,
): FallbackConfig | undefined {
  if (!watchdog) return undefined
  // Of two values that lie closer than that the device makes one.
  const tolerance = resolutionOf(command) / 2
  if (!safe) return resolveHold(watchdog, point !== undefined, report)
  if (point) return { point: resolvePoint(point), tolerance }
  if (watchdog.kind === 'register') {
    report(
      ['device_fallback'],
      "is missing: expected the point that shows what the device's program sets this output to when its watchdog expires, such as { input_register: 200 }",
    )
    return undefined
  }
  const zero = originOf(command)
  if (Math.abs(zero - safe.write) > tolerance)
    report(
      ['safe'],
      `when its watchdog expires this coupler sets its outputs to ${zero}, and the safe state ${safe.setpoint} writes ${safe.write}: wire the output so that ${zero} is safe; or, where the coupler was given another fallback, say which point shows it with device_fallback`,
    )
  return { point: undefined, tolerance }
}

/** Nothing can be compared with "as it is": a PLC's program is believed to leave the output alone, a coupler is known not to. */
function resolveHold(watchdog: WatchdogFile, hasPoint: boolean, report: Report): FallbackConfig {
  if (hasPoint)
    report(
      ['device_fallback'],
      'the safe state is to stay as it is: there is no value to compare with; leave this out',
    )
  else if (watchdog.kind !== 'register')
    report(
      ['safe'],
      'when its watchdog expires this coupler sets its outputs to 0: this one cannot stay as it is. Expected the setpoint that 0 stands for',
    )
  return { point: undefined, tolerance: 0 }
}
