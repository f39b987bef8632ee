import { AGAIN_WITHIN, type ReadResult } from '../drivers/driver.ts'
import type { Target } from '../model/setpoint.ts'
import type { Clock, Millis } from '../model/time.ts'
import { awaitFeedback, isThere } from './feedback.ts'
import type { GuardedActuator } from './guarded.ts'

const AGAIN_FIRST: Millis = 100
const AGAIN_MAX: Millis = 2000
const WATCH_EVERY: Millis = 1000
/** How often an actuator on its way is looked at, in parts of its travel time: often enough, and far enough apart to see it move. */
const LOOKS_A_TRAVEL = 20

/** What the drive and the watch report. */
export type DriveReport =
  | { readonly type: 'safe-verified' }
  /**
   * The travel time has passed since the drive began, and it is not safe. Told when the try ends that was under way then, a device's
   * timeout later at the latest, and again with each try after that.
   */
  | { readonly type: 'safe-overdue'; readonly detail: string }
  | { readonly type: 'safe-lost'; readonly detail: string }

/** What is known of why an actuator is not safe, while a try is under way. */
interface Known {
  detail: string
}

/** What came of one try. */
type Try = { readonly kind: 'safe' } | { readonly kind: 'unsent' | 'unsafe'; readonly detail: string }

/**
 * Drives an actuator to its safe state and keeps at it until feedback shows it, or the signal aborts. Needs the driver and
 * a timer: no TPM, no database, no disk, no date. Writing the safe value again is never wrong, so here alone a write is
 * repeated: at once, unless the device has confirmed it. Whatever goes wrong is tried again, and reported once the actuator
 * should have been there; nothing makes it give up.
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
  const began = clock.monotonic()
  const known: Known = { detail: 'the device has not answered yet' }
  const ended = new AbortController()
  const untilOver = AbortSignal.any([signal, ended.signal])
  // A try that began late, or whose actuator is still on its way, may take another travel time: nobody is to wait for that to be told.
  void clock.sleep(actuator.travelTime + actuator.deviceTimeout, untilOver).then(() => {
    if (!untilOver.aborted) report({ type: 'safe-overdue', detail: known.detail })
  })
  let pause = AGAIN_FIRST
  while (!signal.aborted) {
    const asked = clock.monotonic()
    const tried = await attempt(actuator, to, clock, signal, known).catch(mistake)
    if (tried.kind === 'safe') {
      ended.abort()
      return report({ type: 'safe-verified' })
    }
    if (signal.aborted) return
    known.detail = tried.detail
    const now = clock.monotonic()
    if (now - began >= actuator.travelTime) report({ type: 'safe-overdue', detail: tried.detail })
    // What was not sent has cost the device nothing: it is tried oftener, so that it goes out soon after a line is back, and finds the
    // turn that the driver keeps for it. Tries begin so far apart. One that has waited for as long, for its turn or for an answer, gets in line again at once.
    const apart = tried.kind === 'unsent' ? Math.min(pause, AGAIN_WITHIN) : pause
    if (now - asked < apart) await clock.sleep(apart - (now - asked), signal)
    pause = Math.min(pause * 2, AGAIN_MAX)
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

/**
 * One write, and the look at what came of it. Only a write that the device has confirmed is given the travel time: one of which
 * the answer was lost may not have arrived.
 */
async function attempt(
  actuator: GuardedActuator,
  safe: Target,
  clock: Clock,
  signal: AbortSignal,
  known: Known,
): Promise<Try> {
  const { driver, commandPoint, feedbackPoint, deviceTimeout, tolerance, travelTime } = actuator
  const written = await driver.write(commandPoint, safe.write, deviceTimeout, signal)
  switch (written.kind) {
    case 'rejected':
      return { kind: 'unsafe', detail: `the device rejected the write: ${written.reason}` }
    case 'unreachable':
      return { kind: 'unsent', detail: `the device did not get the write: ${written.reason}` }
    case 'unknown':
      if (!actuator.staysCommanded) await letCome(actuator, safe, clock, signal)
      // Feedback that shows safe proves nothing while the write is not confirmed: it may show what was before.
      return { kind: 'unsafe', detail: `the device did not confirm the write: ${written.reason}` }
    case 'accepted': {
      const { reached, last } = await awaitFeedback(
        {
          driver,
          point: feedbackPoint,
          value: safe.feedback,
          tolerance,
          within: travelTime,
          readTimeout: deviceTimeout,
          purpose: 'confirm-safe',
          seen: reading => {
            known.detail = describe(reading)
          },
        },
        clock,
        signal,
      )
      if (reached) return { kind: 'safe' }
      return { kind: 'unsafe', detail: describe(last) }
    }
  }
}

/**
 * Waits while feedback is seen to come closer to the safe state. There are actuators that a second pulse stops, or that begin anew
 * when a method is called again: what may have set one in motion is not repeated into that motion.
 */
async function letCome(
  { driver, feedbackPoint, deviceTimeout, tolerance, travelTime }: GuardedActuator,
  safe: Target,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const deadline = clock.monotonic() + travelTime
  let before = Number.POSITIVE_INFINITY
  while (!signal.aborted) {
    const reading = await driver.read(feedbackPoint, deviceTimeout, signal, 'confirm-safe')
    if (reading.kind !== 'value') return
    const away = Math.abs(reading.value - safe.feedback)
    if (away <= tolerance || before - away <= tolerance || clock.monotonic() >= deadline) return
    before = away
    await clock.sleep(travelTime / LOOKS_A_TRAVEL, signal)
  }
}

function describe(reading: ReadResult): string {
  return reading.kind === 'value' ? `feedback shows ${reading.value}` : reading.reason
}

function mistake(error: Error): Try {
  return { kind: 'unsafe', detail: `a mistake in the driver: ${error.message}` }
}
