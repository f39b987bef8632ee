import { Refusal } from '../../model/refusal.ts'
import type { Revocations } from '../credential/revocations.ts'
import { checkRevocation } from './authenticate.ts'
import { Overruled } from './controls.ts'
import type { Intended } from './record-intent.ts'

/** A command that was written, or may have been: only a `sure` write can become `verified`. */
export interface Actuated {
  readonly stage: 'actuated'
  readonly intended: Intended
  readonly sure: boolean
  readonly detail: string
}

/**
 * Writes the setpoint, once. Asks one last time whether the right to do so still stands: between the record of the
 * intention and this line a trip or a revocation may have come.
 */
export async function actuate(
  intended: Intended,
  revocations: Pick<Revocations, 'of'>,
): Promise<Actuated | Refusal> {
  const { control, authorized, approval } = intended.permitted
  const revoked = checkRevocation(authorized.authenticated.claims, revocations)
  if (revoked) return revoked
  const alone = approval && checkRevocation(approval.claims, revocations)
  if (approval && alone)
    return new Refusal(
      'revoked',
      `${approval.subject} had asked first: ${alone.detail}`,
      'ask somebody else to',
    )
  const { actuator, target } = authorized
  if (control.signal.aborted) return overruled(control.signal)
  const written = await actuator.driver.write(
    actuator.commandPoint,
    target.write,
    actuator.deviceTimeout,
    control.signal,
  )
  switch (written.kind) {
    case 'accepted':
      return { stage: 'actuated', intended, sure: true, detail: 'the device accepted the write' }
    case 'unknown':
      return { stage: 'actuated', intended, sure: false, detail: written.reason }
    case 'rejected':
      return new Refusal(
        'device-rejected',
        `the device rejected the write: ${written.reason}`,
        'nothing was written; check the point in the configuration and the device',
      )
    case 'unreachable':
      return control.signal.aborted
        ? overruled(control.signal)
        : new Refusal(
            'device-unreachable',
            `nothing was sent: ${written.reason}`,
            'check the device and the way to it, then send the command again',
          )
  }
}

function overruled(signal: AbortSignal): Refusal {
  const detail = signal.reason instanceof Overruled ? signal.reason.message : 'control was taken away'
  return new Refusal('overruled', `nothing was written: ${detail}`, 'see `holdfast status`')
}
