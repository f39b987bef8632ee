import type { AuditEntry } from '../../model/audit.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Setpoint } from '../../model/setpoint.ts'
import type { Clock, Millis, MonotonicMs, UnixMs } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'
import type { Revocations } from '../credential/revocations.ts'
import { type Authenticated, checkRevocation } from './authenticate.ts'
import { signatureOf } from './author.ts'
import { type Claims, checkValidity } from './claims.ts'
import { wayOf } from './received.ts'

/** What may take two people: to set an actuator away from safe, and to reset its trip. */
export type TwoPersonAction = 'command' | 'reset'

/** How many people each action takes on one actuator: 1 or 2. */
export type ApprovalsNeeded = Readonly<Record<TwoPersonAction, number>>

/** What somebody asks to be done. Two people have asked for the same when all of it is the same. */
export interface Asked {
  readonly action: TwoPersonAction
  readonly actuator: string
  /** Of a command. */
  readonly setpoint?: Setpoint
}

/** What one person has asked for and another has not yet. */
export interface PendingApproval extends Asked {
  readonly subject: string
  readonly until: UnixMs
}

/** Whoever asked first, where two had to. */
export interface Approval {
  readonly subject: string
  readonly credential: string
  /** What their credential says: it is asked again right before the write. */
  readonly claims: Claims
}

interface Pending extends Asked {
  readonly by: Authenticated
  readonly expires: MonotonicMs
  readonly until: UnixMs
}

/**
 * The two-person rule: what one subject asked for is done when another asks for exactly the same within the window. The
 * first asking stands in memory only, so that nothing stale moves the plant; a trip, a revocation or the end of its
 * credential voids it. One subject has one asking per action and actuator, which bounds the memory. Names that differ in
 * capitals only are one person's: a slip in issuing makes nobody two.
 */
export class Approvals {
  readonly #window: Millis
  readonly #clock: Clock
  readonly #revocations: Pick<Revocations, 'of'>
  readonly #note: (entry: AuditEntry) => void
  readonly #pending = new Map<string, Pending>()

  constructor(
    window: Millis,
    clock: Clock,
    revocations: Pick<Revocations, 'of'>,
    note: (entry: AuditEntry) => void,
  ) {
    this.#window = window
    this.#clock = clock
    this.#revocations = revocations
    this.#note = note
  }

  /** Takes one person's word. Returns who had asked for the same before, or a refusal until somebody else does. */
  ask(asked: Asked, by: Authenticated): Approval | Refusal {
    const now = this.#clock.monotonic()
    const others = this.#live(now).filter(
      pending =>
        personOf(pending.by) !== personOf(by) &&
        pending.action === asked.action &&
        pending.actuator === asked.actuator &&
        pending.setpoint === asked.setpoint,
    )
    const [first] = others
    if (first) {
      this.#pending.delete(keyOf(first, first.by))
      const { claims, who } = first.by
      return { subject: claims.subject, credential: who.serial, claims }
    }
    const until = this.#clock.wall() + this.#window
    this.#pending.set(keyOf(asked, by), { ...asked, by, expires: now + this.#window, until })
    this.#note({
      kind: 'approval',
      action: asked.action,
      actuator: asked.actuator,
      ...(asked.setpoint === undefined ? {} : { asked: asked.setpoint }),
      subject: by.claims.subject,
      ...signatureOf(by.who),
      ...wayOf(by.received),
      until: new Date(until).toISOString(),
    })
    return new Refusal(
      'approval-needed',
      `this takes two people, and ${by.claims.subject} is the first to ask: ${describe(asked)}`,
      `somebody else sends the same within ${formatDuration(this.#window)}`,
    )
  }

  /** Forgets what was asked for an actuator: it has tripped, and what was meant for before that is not meant for now. */
  forget(actuator: string): void {
    for (const [key, pending] of this.#pending) {
      if (pending.actuator === actuator) this.#pending.delete(key)
    }
  }

  /** Forgets what a suspended identity asked for: it must not be half of two. */
  forgetIdentity(identity: string): void {
    for (const [key, { by }] of this.#pending) {
      const { claims, received } = by
      if (identity === `subject ${claims.subject}` || identity === received.channel.identity)
        this.#pending.delete(key)
    }
  }

  /** What waits for a second person, oldest first. */
  get pending(): readonly PendingApproval[] {
    return this.#live(this.#clock.monotonic()).map(({ action, actuator, setpoint, by, until }) => ({
      action,
      actuator,
      ...(setpoint === undefined ? {} : { setpoint }),
      subject: by.claims.subject,
      until,
    }))
  }

  /** Drops what is over or was asked with a credential that has ended or been revoked since. */
  #live(now: MonotonicMs): Pending[] {
    for (const [key, { expires, by }] of this.#pending) {
      const no = checkValidity(by.claims, this.#clock.wall()) ?? checkRevocation(by.claims, this.#revocations)
      if (now >= expires || no) this.#pending.delete(key)
    }
    return [...this.#pending.values()]
  }
}

function keyOf({ action, actuator }: Asked, by: Authenticated): string {
  return `${action} ${actuator} ${personOf(by)}`
}

function personOf({ claims }: Authenticated): string {
  return claims.subject.toLowerCase()
}

function describe({ action, actuator, setpoint }: Asked): string {
  return action === 'reset' ? `reset ${actuator}` : `set ${actuator} to ${setpoint}`
}
