import type { FailsafeKeeper } from '../../failsafe/keeper.ts'
import type { Clock, Entropy, UnixMs } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { acceptClock } from '../command/accept-clock.ts'
import { closeGlass, type Glass, sealGlass } from '../command/glass.ts'
import { type Issuing, issue } from '../command/issue.ts'
import type { Ledger } from '../command/ledger.ts'
import { type Lifting, liftSuspension } from '../command/lift-suspension.ts'
import { type Opening, openListener } from '../command/open-listener.ts'
import type { Received } from '../command/received.ts'
import { Refused } from '../command/refused.ts'
import { revoke } from '../command/revoke.ts'
import { type Rotator, rotate } from '../command/rotate.ts'
import type { Revocations } from '../credential/revocations.ts'
import { answerRefusal, type HttpAnswer, viewUnkept } from './answers.ts'
import type { Callers } from './callers.ts'

export interface AdministrationParts extends Lifting, Opening {
  readonly issuing: Issuing
  readonly revocations: Revocations
  readonly ledger: Ledger
  readonly rotator: Rotator
  readonly glass: Glass
  readonly keeper: Pick<FailsafeKeeper, 'liftOne' | 'kept'>
  readonly audit: AuditLog
  /** Takes the system's time for right; resolves with what ours was. */
  acceptClock(): Promise<UnixMs>
  readonly clock: Clock
  readonly entropy: Entropy
}

/** What administrators ask for: credentials, revocations, keys, the emergency key. Each answers, or says why not. */
export class Administration {
  readonly #callers: Callers
  readonly #parts: AdministrationParts

  constructor(callers: Callers, parts: AdministrationParts) {
    this.#callers = callers
    this.#parts = parts
  }

  async issue(received: Received): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'issue')
    const minted = by instanceof Refused ? by : await issue(received, by, this.#parts.issuing)
    if (minted instanceof Refused) return minted
    const { keyid, secret, serial, notAfter } = minted
    return {
      status: 201,
      body: { keyid, secret, serial, not_after: new Date(notAfter * 1000).toISOString() },
    }
  }

  async credentials(received: Received): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'revoke')
    return by instanceof Refused ? by : { status: 200, body: await this.#parts.ledger.list() }
  }

  async revoke(received: Received): Promise<HttpAnswer | Refused> {
    const { revocations, audit, clock } = this.#parts
    const by = this.#callers.administrator(received, 'revoke')
    const revoked = by instanceof Refused ? by : await revoke(received, by, revocations, audit, clock)
    return revoked instanceof Refused ? revoked : { status: 200, body: { revoked: { ...revoked } } }
  }

  async rotate(received: Received): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'rotate')
    const rotated = by instanceof Refused ? by : await rotate(received, by, this.#parts.rotator)
    if (rotated instanceof Refused) return rotated
    const { generation, keyId, retiresAt, shares: given, trouble } = rotated
    const previousUntil = retiresAt === undefined ? null : new Date(retiresAt).toISOString()
    const body = { generation, key: keyId, previous_until: previousUntil, shares: [...given] }
    return trouble === undefined ? { status: 200, body } : answerRefusal(trouble, body)
  }

  async sealGlass(received: Received): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'rotate')
    const sheet = by instanceof Refused ? by : await sealGlass(received, by, this.#parts)
    return sheet instanceof Refused ? sheet : { status: 200, body: { sheet } }
  }

  async acceptClock(received: Received): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'rotate')
    const accepted = by instanceof Refused ? by : await acceptClock(received, by, this.#parts)
    if (accepted instanceof Refused) return accepted
    const { before, now } = accepted
    return { status: 200, body: { before: new Date(before).toISOString(), now: new Date(now).toISOString() } }
  }

  async liftSuspension(received: Received): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'reset')
    const lifted = by instanceof Refused ? by : await liftSuspension(received, by, this.#parts)
    if (lifted instanceof Refused) return lifted
    return { status: 200, body: { lifted: lifted.identity, ...viewUnkept(lifted.unkept) } }
  }

  async openListener(received: Received): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'reset')
    const opened = by instanceof Refused ? by : await openListener(received, by, this.#parts)
    if (opened instanceof Refused) return opened
    return { status: 200, body: { opened: opened.listener, ...viewUnkept(opened.unkept) } }
  }

  async closeGlass(received: Received): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'revoke')
    return by instanceof Refused
      ? by
      : { status: 200, body: { closed: closeGlass(received, by, this.#parts) } }
  }
}
