import { awaitFeedback } from '../../failsafe/feedback.ts'
import { describeFound, type Outcome } from '../../model/outcome.ts'
import type { Clock } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'
import type { Actuated } from './actuate.ts'
import { foundOf } from './actuator.ts'
import { Overruled } from './controls.ts'

/**
 * Asks the plant, not the device's word: position feedback must reach the setpoint within the travel time. A write whose
 * confirmation was lost stays `unknown` whatever feedback shows; it tells where the actuator is, not who moved it there.
 */
export async function verify(actuated: Actuated, clock: Clock): Promise<Outcome> {
  const { authorized, control } = actuated.intended.permitted
  const { actuator, target } = authorized
  const seen = await awaitFeedback(
    {
      driver: actuator.driver,
      point: actuator.feedbackPoint,
      value: target.feedback,
      tolerance: actuator.tolerance,
      within: actuator.travelTime,
      readTimeout: actuator.deviceTimeout,
      purpose: authorized.towardsSafe ? 'confirm-safe' : 'any',
    },
    clock,
    control.signal,
  )
  const asked = target.setpoint
  if (seen.reached && actuated.sure) return { kind: 'verified', asked, found: target.setpoint }
  // Whoever was overruled gave up reading in the middle; where the actuator is can still be said.
  const last = control.signal.aborted
    ? await actuator.driver.read(actuator.feedbackPoint, actuator.deviceTimeout)
    : seen.last
  const found = foundOf(actuator, last)
  if (!actuated.sure) {
    return {
      kind: 'unknown',
      asked,
      found,
      detail: `${actuated.detail}; it was not sent again; feedback: ${describeFound(found)}`,
    }
  }
  const overruled =
    control.signal.reason instanceof Overruled
      ? `overruled on the way: ${control.signal.reason.message}`
      : undefined
  if (found === null) {
    const reason = last.kind === 'failed' ? last.reason : 'no answer'
    return {
      kind: 'unknown',
      asked,
      found,
      detail: overruled ?? `the device took the write and does not show where the actuator is: ${reason}`,
    }
  }
  const detail =
    overruled ?? `after ${formatDuration(actuator.travelTime)} feedback shows ${describeFound(found)}`
  return { kind: 'mismatch', asked, found, detail }
}
