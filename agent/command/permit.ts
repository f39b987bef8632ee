import type { Trips } from '../../failsafe/trips.ts'
import type { Guards } from '../../failsafe/watchdog/guards.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Approval, Approvals } from './approvals.ts'
import type { Authorized } from './authorize.ts'
import type { Control, Controls } from './controls.ts'
import type { Rates } from './rates.ts'
import { Refused } from './refused.ts'
import { unguarded } from './unguarded.ts'

/** A command that nothing stands against at this moment, with the right to carry it out. */
export interface Permitted extends Disposable {
  readonly stage: 'permitted'
  readonly authorized: Authorized
  readonly control: Control
  /** Who asked for the same before, where it takes two. */
  readonly approval: Approval | undefined
}

/** What stands between an authorised command and the plant. */
export interface Permits {
  readonly trips: Trips
  readonly controls: Controls
  /** Why the audit log cannot be written, if it cannot. */
  auditTrouble(): string | undefined
  /** Why the time is not known, if it is not. */
  clockTrouble(): string | undefined
  /** Until when replayed commands could not be told from new ones, in words, if that is so. */
  replayTrouble(): string | undefined
  /** The watchdogs of the devices: what makes the plant safe when this agent cannot. */
  readonly guards: Pick<Guards, 'troubleOf'>
  readonly rates: Rates
  readonly approvals: Approvals
  /** Why an identity is suspended, if it is. */
  suspension(identity: string): string | undefined
}

type Check = (command: Authorized, permits: Permits) => Refusal | undefined

/** Asked in this order; the first no is the answer. None of it stands against a command towards the safe state. */
const CHECKS: readonly Check[] = [
  ({ authenticated }, { rates }) => rates.check(authenticated),
  ({ authenticated: { claims, received } }, permits) => {
    const reason =
      permits.suspension(`subject ${claims.subject}`) ??
      (received.channel.certificate &&
        received.channel.identity &&
        permits.suspension(received.channel.identity))
    return reason
      ? new Refusal(
          'identity-suspended',
          `${claims.subject} is suspended: ${reason}`,
          'an engineer lifts it by resetting the actuator',
        )
      : undefined
  },
  ({ actuator: { id } }, { trips }) => {
    const phase = trips.phase(id)
    if (phase === 'normal') return undefined
    const first = trips.firstOut(id)
    return new Refusal(
      'tripped',
      `${id} is ${phase}; first-out: ${first?.cause ?? 'unknown'} at ${first ? new Date(first.at).toISOString() : 'unknown'}: ${first?.detail ?? ''}`,
      `find the cause, then reset it as an engineer: holdfast reset ${id}`,
    )
  },
  ({ actuator: { id } }, { guards }) => {
    const trouble = guards.troubleOf(id)
    return trouble && unguarded(trouble.device, trouble.state)
  },
  (_, permits) => {
    const trouble = permits.clockTrouble()
    return trouble
      ? new Refusal(
          'clock-untrusted',
          trouble,
          'set the clock of the gateway, or when it is right: holdfast clock accept',
        )
      : undefined
  },
  ({ authenticated }, permits) => {
    const trouble =
      permits.replayTrouble() ??
      (authenticated.certainlyNew
        ? undefined
        : 'it was signed before this agent started, so nobody can say whether it was carried out then; sign it again')
    return trouble
      ? new Refusal('replay-memory-lost', trouble, 'commands towards the safe state are accepted meanwhile')
      : undefined
  },
  (_, permits) => {
    const trouble = permits.auditTrouble()
    return trouble
      ? new Refusal(
          'audit-unwritable',
          `no record, no write: ${trouble}`,
          'commands towards the safe state are accepted meanwhile',
        )
      : undefined
  },
]

/** Asks whether anything stands against a command now, and takes control of the actuator for it. */
export function permit(authorized: Authorized, permits: Permits): Permitted | Refused {
  const { who } = authorized.authenticated
  if (!authorized.towardsSafe) {
    for (const check of CHECKS) {
      const refusal = check(authorized, permits)
      if (refusal) return new Refused(refusal, who)
    }
  }
  const control = permits.controls.take(authorized.actuator.id, authorized.towardsSafe)
  if (control instanceof Refusal) return new Refused(control, who)
  // Last, so that nobody is asked to approve what would be refused all the same.
  const approval = approve(authorized, permits)
  if (approval instanceof Refusal) {
    control[Symbol.dispose]()
    return new Refused(approval, who)
  }
  return {
    stage: 'permitted',
    authorized,
    control,
    approval,
    [Symbol.dispose]: () => control[Symbol.dispose](),
  }
}

/** Asks for a second person where the actuator takes two; never for a command towards the safe state. */
function approve(
  { authenticated, actuator, target, towardsSafe }: Authorized,
  { approvals }: Permits,
): Approval | Refusal | undefined {
  if (towardsSafe || actuator.approvals.command < 2) return undefined
  return approvals.ask({ action: 'command', actuator: actuator.id, setpoint: target.setpoint }, authenticated)
}
