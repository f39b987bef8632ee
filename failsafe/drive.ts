import type { Clock, Millis } from '../model/time.ts'
import { awaitFeedback } from './feedback.ts'
import type { GuardedActuator } from './guarded.ts'

const RETRY_FIRST: Millis = 100
const RETRY_MAX: Millis = 2000

/** What the drive reports; it ends with `safe-verified` or with its signal, and with nothing else. */
export type DriveReport =
  | { readonly type: 'safe-verified' }
  | { readonly type: 'safe-overdue'; readonly detail: string }

/**
 * Drives an actuator to its safe state and keeps at it until feedback shows it. Needs the driver and a timer: no TPM, no
 * database, no disk, no date. Writing the safe value again is never wrong, so here alone a write is repeated.
 *
 * The first write is issued before this function first yields.
 */
export async function driveToSafe(
  actuator: GuardedActuator,
  clock: Clock,
  signal: AbortSignal,
  report: (report: DriveReport) => void,
): Promise<void> {
  let pause = RETRY_FIRST
  while (!signal.aborted) {
    const written = await actuator.driver.write(
      actuator.commandPoint,
      actuator.safe.write,
      AbortSignal.any([signal, AbortSignal.timeout(actuator.deviceTimeout)]),
    )
    let detail = `the device ${written.kind === 'rejected' ? 'rejected' : 'did not confirm'} the write`
    if (written.kind === 'accepted' || written.kind === 'unknown') {
      const seen = await awaitFeedback(
        {
          driver: actuator.driver,
          point: actuator.feedbackPoint,
          value: actuator.safe.feedback,
          tolerance: actuator.tolerance,
          within: actuator.travelTime,
          readTimeout: actuator.deviceTimeout,
        },
        clock,
        signal,
      )
      if (seen.reached) return report({ type: 'safe-verified' })
      detail = seen.last.kind === 'value' ? `feedback shows ${seen.last.value}` : seen.last.reason
    } else {
      detail = `${detail}: ${written.reason}`
    }
    if (signal.aborted) return
    report({ type: 'safe-overdue', detail })
    await clock.sleep(pause, signal)
    pause = Math.min(pause * 2, RETRY_MAX)
  }
}
