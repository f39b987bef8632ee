import type { Trips } from '../../failsafe/trips.ts'
import type { Guards } from '../../failsafe/watchdog/guards.ts'
import { Refusal, type RefusalCode } from '../../model/refusal.ts'
import type { Approval, Approvals } from './approvals.ts'
import { replayDoubt } from './authenticate.ts'
import type { Authorized } from './authorize.ts'
import type { Control, Controls } from './controls.ts'
import type { Lockouts } from './lockouts.ts'
import type { Pacing } from './pacing.ts'
import type { Rates } from './rates.ts'
import { Refused } from './refused.ts'
import type { Selections } from './selections.ts'
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
  /** Why the actuator must stay in its safe state, in words, if it must. */
  heldBy(actuator: string): string | undefined
  /** What must hold and does not, or cannot be seen to, in words. */
  unmet(actuator: string): { readonly kind: 'interlock' | 'permissive'; readonly detail: string } | undefined
  /** Why the time is not known, if it is not. */
  clockTrouble(): string | undefined
  /** Until when replayed commands could not be told from new ones, in words, if that is so. */
  replayTrouble(): string | undefined
  /** The watchdogs of the devices: what makes the plant safe when this agent cannot. */
  readonly deviceGuards: Pick<Guards, 'troubleOf'>
  readonly rates: Rates
  readonly approvals: Approvals
  readonly selections: Selections
  readonly lockouts: Lockouts
  readonly pacing: Pacing
  /** Why an identity is suspended, if it is. */
  suspension(identity: string): string | undefined
}

/** One question: the codes of its refusals, and the asking. */
interface Check {
  readonly codes: readonly RefusalCode[]
  ask(command: Authorized, permits: Permits): Refusal | undefined
}

function asking(codes: readonly RefusalCode[], ask: Check['ask']): Check {
  return { codes, ask }
}

/** Asked once of each command, because it is used up. */
const RATE: Check = asking(['rate-exceeded'], ({ authenticated }, { rates }) => rates.check(authenticated))

/** Asked in this order; the first no is the answer. None of it stands against a command towards the safe state. */
const CHECKS: readonly Check[] = [
  asking(['identity-suspended'], ({ authenticated: { claims, received } }, permits) => {
    const reason =
      permits.suspension(`subject ${claims.subject}`) ??
      (received.channel.certificate &&
        received.channel.identity &&
        permits.suspension(received.channel.identity))
    return reason
      ? new Refusal(
          'identity-suspended',
          `${claims.subject} is suspended: ${reason}`,
          'an engineer lifts it by resetting the actuator, or by itself: holdfast suspension lift',
        )
      : undefined
  }),
  asking(['tripped'], ({ actuator: { id } }, { trips }) => {
    const phase = trips.phase(id)
    if (phase === 'normal') return undefined
    const first = trips.firstOut(id)
    return new Refusal(
      'tripped',
      `${id} is ${phase}; first-out: ${first?.cause ?? 'unknown'} at ${first ? new Date(first.at).toISOString() : 'unknown'}: ${first?.detail ?? ''}`,
      `find the cause, then: holdfast acknowledge ${id}, and as an engineer: holdfast reset ${id}`,
    )
  }),
  asking(['device-uncommissioned', 'device-unguarded'], ({ actuator: { id } }, { deviceGuards }) => {
    const trouble = deviceGuards.troubleOf(id)
    return trouble && unguarded(trouble.device, trouble.state)
  }),
  asking(['locked-out'], ({ actuator: { id } }, { lockouts }) => {
    const [first, ...more] = lockouts.of(id)
    if (!first) return undefined
    const told = [first, ...more].map(
      ({ subject, reason, until }) => `by ${subject} until ${new Date(until).toISOString()}: ${reason}`,
    )
    return new Refusal(
      'locked-out',
      `${id} is locked out ${told.join('; and ')}`,
      'each lockout ends by itself at its time, or whoever set it ends it, or an admin: holdfast lockout remove',
    )
  }),
  asking(['interlock-violated', 'permissive-missing'], ({ actuator: { id } }, permits) => {
    const unmet = permits.unmet(id)
    if (!unmet) return undefined
    return unmet.kind === 'interlock'
      ? new Refusal('interlock-violated', unmet.detail, 'once it holds again the command can be sent again')
      : new Refusal('permissive-missing', unmet.detail, 'bring that about first')
  }),
  asking(['held'], ({ actuator: { id } }, permits) => {
    const held = permits.heldBy(id)
    return held ? new Refusal('held', `${id}: ${held}`, 'wait for it; no credential shortens it') : undefined
  }),
  asking(['clock-untrusted'], (_, permits) => {
    const trouble = permits.clockTrouble()
    return trouble
      ? new Refusal(
          'clock-untrusted',
          trouble,
          'set the clock of the gateway, or when it is right: holdfast clock accept',
        )
      : undefined
  }),
  asking(['replay-memory-lost'], ({ authenticated }, permits) => {
    const doubt = replayDoubt(authenticated, permits.replayTrouble)
    return doubt
      ? new Refusal('replay-memory-lost', doubt, 'commands towards the safe state are accepted meanwhile')
      : undefined
  }),
  asking(['audit-unwritable'], (_, permits) => {
    const trouble = permits.auditTrouble()
    return trouble
      ? new Refusal(
          'audit-unwritable',
          `no record, no write: ${trouble}`,
          'commands towards the safe state are accepted meanwhile',
        )
      : undefined
  }),
]

/** Asked last, because the device may have to be asked for it. */
const PACE: Check = asking(['position-unknown', 'too-soon', 'step-too-large'], (command, { pacing }) =>
  pacing.check(command),
)

/** Every code that `permit` refuses with, in the order of its questions. */
export const PERMIT_CODES: readonly RefusalCode[] = [
  ...[RATE, ...CHECKS, PACE].flatMap(({ codes }) => codes),
  ...(['stopping', 'command-in-progress', 'select-needed', 'approval-needed'] as const),
]

/**
 * Asks for the rate, and uses it up; then has the device say where the actuator is, where that will be asked, unless something
 * stands against the command whatever it says.
 */
export async function lookAhead(authorized: Authorized, permits: Permits): Promise<Refusal | undefined> {
  const refusal = firstNo([RATE, ...CHECKS], authorized, permits)
  if (!refusal) await permits.pacing.look(authorized)
  return refusal
}

/** Asks whether anything stands against a command now, after `lookAhead`: much may have happened meanwhile. It takes nothing. */
export function checkPermit(authorized: Authorized, permits: Permits): Refusal | undefined {
  return firstNo([...CHECKS, PACE], authorized, permits)
}

function firstNo(checks: readonly Check[], authorized: Authorized, permits: Permits): Refusal | undefined {
  if (authorized.towardsSafe) return undefined
  for (const { ask } of checks) {
    const refusal = ask(authorized, permits)
    if (refusal) return refusal
  }
  return undefined
}

/** Asks whether anything stands against a command now, and takes control of the actuator for it. */
export function permit(authorized: Authorized, permits: Permits): Permitted | Refused {
  const { who } = authorized.authenticated
  const refusal = checkPermit(authorized, permits)
  if (refusal) return new Refused(refusal, who)
  const control = permits.controls.take(authorized.actuator.id, authorized.towardsSafe)
  if (control instanceof Refusal) return new Refused(control, who)
  // Last, so that nobody is asked to approve what would be refused all the same.
  const approval = checkSelection(authorized, permits) ?? approve(authorized, permits)
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

/** Asks for the selection that must come before, where the actuator is selected; never for a command towards the safe state. */
function checkSelection(authorized: Authorized, { selections }: Permits): Refusal | undefined {
  const { actuator, towardsSafe } = authorized
  if (towardsSafe || actuator.selectionLasts === undefined) return undefined
  return selections.use(authorized, actuator.selectionLasts)
}

/** Asks for a second person where the actuator takes two; never for a command towards the safe state. */
function approve(
  { authenticated, actuator, target, towardsSafe }: Authorized,
  { approvals }: Permits,
): Approval | Refusal | undefined {
  if (towardsSafe || actuator.approvals.command < 2) return undefined
  return approvals.ask({ action: 'command', actuator: actuator.id, setpoint: target.setpoint }, authenticated)
}
