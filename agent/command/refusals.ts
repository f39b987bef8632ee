import type { AuthenticationFailures } from '../../failsafe/authentication-failures.ts'
import type { Trips } from '../../failsafe/trips.ts'
import type { AuditEntry } from '../../model/audit.ts'
import type { Setpoint } from '../../model/setpoint.ts'
import type { Millis } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { recordedLatency } from './accepted.ts'
import { signatureOf } from './author.ts'
import { type Received, wayOf } from './received.ts'
import type { RefusalBook } from './refusal-book.ts'
import type { Refused } from './refused.ts'

export interface Consequences {
  readonly audit: AuditLog
  readonly book: Pick<RefusalBook, 'admits' | 'note' | 'spend'>
  readonly failures: AuthenticationFailures
  readonly trips: Trips
  /** Actuators that there are: a failure aimed at nothing moves nothing. */
  readonly actuators: ReadonlyMap<string, { readonly tripsOnFailures: boolean }>
  /** Hears of every refusal, and of how the request came in. */
  heard?(refused: Refused, received: Received): void
  alarm(actuator: string, detail: string): void
  suspend(identity: string, actuator: string, detail: string): void
  /** Lets nobody in over a listener any more: attacks over it have used up the day's trips. */
  closeListener(listener: string, detail: string): void
}

/** What is known of a request beyond how it came in and why it was refused. */
export interface RefusedRequest {
  /** What a command asked for, once its body was read. */
  readonly asked?: Setpoint
  readonly reason?: string | undefined
  /** From its arrival to its refusal. */
  readonly latency: Millis
}

/** So many characters are kept of what a sender may make as long as a header. */
const TEXT_MAX = 200

/** What is done about a refused request: the fail-safe hears of it first, then the log. */
export class Refusals {
  readonly #to: Consequences

  constructor(to: Consequences) {
    this.#to = to
  }

  /**
   * Takes a refusal in. `aimedAt` is the actuator that the request would have moved or reset, if it was such a request.
   * Resolves to whether it is durable in the log. One that used up a nonce is before it is answered, because the nonce
   * should be known again after a restart; beyond the first few of a kind refusals are counted instead, whoever sends
   * them: no sender decides how fast the log grows.
   */
  async of(
    received: Received,
    refused: Refused,
    aimedAt: string | undefined,
    { asked, reason, latency }: RefusedRequest,
  ): Promise<boolean> {
    const isKnown = aimedAt !== undefined && this.#to.actuators.has(aimedAt)
    if (isKnown) this.#weigh(received, refused, aimedAt)
    this.#to.heard?.(refused, received)
    const { refusal, who } = refused
    // Whoever sends a copy of what somebody signed has signed nothing.
    const isSigned = who !== undefined && refusal.suspicion !== 'stale'
    // A kind is of an actuator that there is: names are made up faster than anything is recorded.
    const kind = {
      code: refusal.code,
      ...(isSigned && who.subject ? { subject: who.subject } : { source: received.source }),
      ...(isKnown ? { actuator: aimedAt } : {}),
    }
    if (!this.#to.book.admits(kind, isSigned)) return false
    const entry: AuditEntry = {
      kind: 'refusal',
      outcome: 'refused',
      code: refusal.code,
      status: refusal.status,
      detail: isSigned ? refusal.detail : cut(refusal.detail),
      method: received.method,
      path: cut(received.path),
      ...wayOf(received),
      ...(aimedAt === undefined ? {} : { actuator: aimedAt }),
      ...(asked === undefined ? {} : { asked }),
      ...(reason === undefined ? {} : { reason }),
      latency_ms: recordedLatency(latency),
      ...(who?.subject ? { subject: who.subject } : {}),
      ...signatureOf(who),
    }
    if (isSigned) return (await this.#to.audit.appendOrKeep(entry)).kind === 'durable'
    this.#to.book.note(entry)
    return false
  }

  #weigh({ channel, source }: Received, { refusal, who }: Refused, actuator: string): void {
    const verdict = this.#to.failures.observe({
      actuator,
      suspicion: refusal.suspicion,
      channel,
      source,
      tripped: this.#to.trips.phase(actuator) !== 'normal',
      trips: this.#to.actuators.get(actuator)?.tripsOnFailures ?? true,
      ...(who ? { holder: who.subject ?? `of credential ${who.serial}` } : {}),
    })
    switch (verdict.kind) {
      case 'nothing':
        return
      case 'alarm':
        return this.#alarm(actuator, verdict.detail)
      case 'trip':
        // Whoever shares a socket with a forger is not suspended with them: a unix socket is no person.
        if (verdict.attributed && (who || channel.certificate)) {
          this.#to.suspend(verdict.identity, actuator, verdict.detail)
        }
        return this.#to.trips.trip(actuator, 'authentication-failures', verdict.detail, verdict.evidence)
      case 'spent': {
        const detail = `${verdict.detail}; its trips of today are used up, so nothing is moved any more`
        if (!verdict.attributed) return this.#to.closeListener(verdict.listener, detail)
        if (who || channel.certificate) return this.#to.suspend(verdict.identity, actuator, detail)
        if (verdict.isNews) this.#alarm(actuator, detail)
      }
    }
  }

  #alarm(actuator: string, detail: string): void {
    this.#to.book.spend()
    this.#to.alarm(actuator, detail)
  }
}

/** The beginning of a text that is too long, and how much more there was, as the log says it of every text. */
function cut(text: string): string {
  if (text.length <= TEXT_MAX) return text
  return `${text.slice(0, TEXT_MAX).toWellFormed()}… (${text.length - TEXT_MAX} more)`
}
