import { parseKeyId } from '../../model/credential.ts'
import { type Json, parseJsonStrictly } from '../../model/json.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import type { Revocations } from '../credential/revocations.ts'
import { readClaims } from './claims.ts'

const ROWS_MAX = 1000

/** Which credentials were issued and could still be used. The agent needs no such list; it is drawn from the audit log for people. */
export class Ledger {
  readonly #audit: AuditLog
  readonly #revocations: Revocations
  readonly #lifetimeMax: Millis
  readonly #clock: Clock

  constructor(audit: AuditLog, revocations: Revocations, lifetimeMax: Millis, clock: Clock) {
    this.#audit = audit
    this.#revocations = revocations
    this.#lifetimeMax = lifetimeMax
    this.#clock = clock
  }

  /** The credentials that have not ended, newest first, at most 1000; and why the log could not be read, if it could not. */
  async list(): Promise<Record<string, Json>> {
    const now = this.#clock.wall()
    const found = await this.#audit.records('credential-issued', now - this.#lifetimeMax, ROWS_MAX)
    if (found.kind === 'unreadable') return { credentials: [], trouble: found.detail }
    const credentials = found.texts.flatMap(text => {
      const { keyid, issuer, time } = parseJsonStrictly(text) as Record<string, Json>
      const parsed = typeof keyid === 'string' ? parseKeyId(keyid) : undefined
      const claims = parsed && readClaims(parsed.serial, parsed.caveats)
      if (!claims || claims instanceof Refusal || claims.notAfter * 1000 <= now) return []
      const revocation = this.#revocations.of(claims)
      return {
        credential: claims.serial,
        subject: claims.subject,
        roles: claims.roles,
        keyid: keyid ?? null,
        issued: time ?? null,
        issuer: issuer ?? null,
        not_after: new Date(claims.notAfter * 1000).toISOString(),
        ...(revocation ? { revoked: new Date(revocation.at).toISOString() } : {}),
      }
    })
    return { credentials }
  }
}
