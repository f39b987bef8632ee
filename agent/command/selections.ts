import type { AuditEntry } from '../../model/audit.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Setpoint } from '../../model/setpoint.ts'
import type { Clock, Millis, MonotonicMs, UnixMs } from '../../model/time.ts'
import { formatDuration } from '../../model/time.ts'
import type { Revocations } from '../credential/revocations.ts'
import { acceptedOf } from './accepted.ts'
import { checkRevocation } from './authenticate.ts'
import { signatureOf } from './author.ts'
import type { Authorized } from './authorize.ts'
import { wayOf } from './received.ts'

/** What somebody has selected and not yet commanded. */
export interface Selection {
  readonly actuator: string
  readonly setpoint: Setpoint
  readonly subject: string
  readonly until: UnixMs
}

interface Standing {
  readonly command: Authorized
  readonly expires: MonotonicMs
  readonly until: UnixMs
}

/**
 * Select before operate: what a command away from safe is to do is said once before, so that one slip of a hand moves
 * nothing. A selection binds the actuator, the exact setpoint, the subject and the credential, and is used up by that subject's next
 * command away from safe, whether that fits it or not. It reserves nothing and keeps nobody else out. It stands in memory only,
 * so that nothing stale moves the plant; a trip, a lockout or a revocation voids it. One subject has one selection an
 * actuator, which bounds the memory.
 */
export class Selections {
  readonly #clock: Clock
  readonly #revocations: Pick<Revocations, 'of'>
  readonly #note: (entry: AuditEntry) => void
  readonly #standing = new Map<string, Standing>()

  constructor(clock: Clock, revocations: Pick<Revocations, 'of'>, note: (entry: AuditEntry) => void) {
    this.#clock = clock
    this.#revocations = revocations
    this.#note = note
  }

  /** Selects what a command is going to ask for, in place of what the same subject selected before. Returns what now stands. */
  add(command: Authorized, lasts: Millis): Selection {
    const { authenticated, actuator, target, reason } = command
    const { claims, who, received } = authenticated
    const until = this.#clock.wall() + lasts
    const standing = { command, expires: this.#clock.monotonic() + lasts, until }
    this.#standing.set(keyOf(command), standing)
    this.#note({
      kind: 'select',
      actuator: actuator.id,
      asked: target.setpoint,
      subject: claims.subject,
      ...signatureOf(who),
      ...wayOf(received),
      until: new Date(until).toISOString(),
      ...(reason === undefined ? {} : { reason }),
      ...acceptedOf(received, this.#clock),
    })
    return view(standing)
  }

  /** Uses up the selection of whoever sends this command. Returns a refusal where there is none, or it was of something else. */
  use(command: Authorized, lasts: Millis): Refusal | undefined {
    this.#drop()
    const { authenticated, actuator, target } = command
    const key = keyOf(command)
    const selected = this.#standing.get(key)?.command
    this.#standing.delete(key)
    const { subject } = authenticated.claims
    const remedy = `select it: holdfast select ${actuator.id} ${target.setpoint}; then send the command within ${formatDuration(lasts)}`
    if (!selected) {
      return new Refusal(
        'select-needed',
        `${actuator.id} is selected before it is commanded, and ${subject} has no selection of it: there was none, or it was used, ran out or was voided by a trip, a lockout or a revocation`,
        remedy,
      )
    }
    if (selected.target.setpoint !== target.setpoint) {
      return new Refusal(
        'select-needed',
        `${subject} selected ${selected.target.setpoint}, and this command asks for ${target.setpoint}; the selection is void now`,
        remedy,
      )
    }
    if (selected.authenticated.who.serial !== authenticated.who.serial) {
      return new Refusal(
        'select-needed',
        `${subject} selected it with another credential than the one that this command is signed with; the selection is void now`,
        remedy,
      )
    }
    return undefined
  }

  /** Forgets what was selected of an actuator: it has tripped or was locked out, and what was meant for before that is not meant for now. */
  forget(actuator: string): void {
    for (const [key, { command }] of this.#standing) {
      if (command.actuator.id === actuator) this.#standing.delete(key)
    }
  }

  /** What is selected of an actuator now, oldest first. */
  of(actuator: string): readonly Selection[] {
    this.#drop()
    return [...this.#standing.values()].map(view).filter(selection => selection.actuator === actuator)
  }

  /** Drops what is over or was selected with a credential that has been revoked since. */
  #drop(): void {
    const now = this.#clock.monotonic()
    for (const [key, { expires, command }] of this.#standing) {
      const isRevoked = checkRevocation(command.authenticated.claims, this.#revocations) !== undefined
      if (now >= expires || isRevoked) this.#standing.delete(key)
    }
  }
}

function keyOf({ actuator, authenticated }: Authorized): string {
  return `${actuator.id} ${authenticated.claims.subject}`
}

function view({ command, until }: Standing): Selection {
  const { actuator, target, authenticated } = command
  return { actuator: actuator.id, setpoint: target.setpoint, subject: authenticated.claims.subject, until }
}
