import type { Target } from '../model/setpoint.ts'
import type { Clock, Millis } from '../model/time.ts'
import { awaitFeedback, isThere } from './feedback.ts'
import type { GuardedActuator } from './guarded.ts'

const RETRY_FIRST: Millis = 100
const RETRY_MAX: Millis = 2000
const WATCH_EVERY: Millis = 1000

/** What the drive and the watch report. */
export type DriveReport =
  | { readonly type: 'safe-verified' }
  | { readonly type: 'safe-overdue'; readonly detail: string }
  | { readonly type: 'safe-lost'; readonly detail: string }

/**
 * Drives an actuator to its safe state and keeps at it until feedback shows it, or the signal aborts. Needs the driver and
 * a timer: no TPM, no database, no disk, no date. Writing the safe value again is never wrong, so here alone a write is
 * repeated. Whatever goes wrong is reported and tried again; nothing makes it give up.
 *
 * The first write is issued before this function first yields.
 */
export async function driveToSafe(
  actuator: GuardedActuator,
  clock: Clock,
  signal: AbortSignal,
  report: (report: DriveReport) => void,
): Promise<void> {
  if (!actuator.safe) {
    // It is where it is to be. Like every other it is seen there only after the trip.
    await Promise.resolve()
    return report({ type: 'safe-verified' })
  }
  const to = actuator.safe
  let pause = RETRY_FIRST
  while (!signal.aborted) {
    const detail = await attempt(actuator, to, clock, signal).catch(
      (error: Error) => `a mistake in the driver: ${error.message}`,
    )
    if (detail === undefined) return report({ type: 'safe-verified' })
    if (signal.aborted) return
    report({ type: 'safe-overdue', detail })
    await clock.sleep(pause, signal)
    pause = Math.min(pause * 2, RETRY_MAX)
  }
}

/**
 * Looks at a tripped actuator once a second until it is no longer in its safe state, or the signal aborts. A write that
 * was thought lost can still arrive, and a hand can turn a wheel. One reading is not believed; two are.
 */
export async function watchSafe(
  actuator: GuardedActuator,
  clock: Clock,
  signal: AbortSignal,
  report: (report: DriveReport) => void,
): Promise<void> {
  const { safe } = actuator
  if (!safe) return
  let away = 0
  while (!signal.aborted) {
    await clock.sleep(WATCH_EVERY, signal)
    if (signal.aborted) return
    const reading = await actuator.driver
      .read(actuator.feedbackPoint, actuator.deviceTimeout, signal)
      .catch(() => undefined)
    if (reading?.kind !== 'value') continue
    away = isThere(reading.value, safe.feedback, actuator.tolerance) ? 0 : away + 1
    if (away >= 2) return report({ type: 'safe-lost', detail: `feedback shows ${reading.value}` })
  }
}

/** One write and the look at what came of it. Returns what is wrong, or undefined when it is safe. */
async function attempt(
  actuator: GuardedActuator,
  safe: Target,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  const written = await actuator.driver.write(
    actuator.commandPoint,
    safe.write,
    actuator.deviceTimeout,
    signal,
  )
  if (written.kind === 'rejected') return `the device rejected the write: ${written.reason}`
  if (written.kind === 'unreachable') return `the device did not get the write: ${written.reason}`
  const seen = await awaitFeedback(
    {
      driver: actuator.driver,
      point: actuator.feedbackPoint,
      value: safe.feedback,
      tolerance: actuator.tolerance,
      within: actuator.travelTime,
      readTimeout: actuator.deviceTimeout,
    },
    clock,
    signal,
  )
  // Feedback that shows safe proves nothing while the write is not confirmed: it may show what was before.
  if (seen.reached && written.kind === 'accepted') return undefined
  if (seen.reached)
    return `the device did not confirm the write: ${written.kind === 'unknown' ? written.reason : ''}`
  return seen.last.kind === 'value' ? `feedback shows ${seen.last.value}` : seen.last.reason
}
