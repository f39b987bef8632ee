import { createHash, timingSafeEqual } from 'node:crypto'
import { parseCaveat } from '../../model/caveat.ts'
import { Refusal } from '../../model/refusal.ts'
import { type Permission, permissionsOf, type Roles } from '../../model/role.ts'
import { signatureBase } from '../../model/signature.ts'
import type { Clock, UnixMs } from '../../model/time.ts'
import { chainSecret, hmacSha256 } from '../credential/chain.ts'
import type { EpochKeys } from '../credential/epoch-keys.ts'
import { type Memory, type ReplayMemory, SKEW_MAX } from '../credential/replay.ts'
import type { Revocations } from '../credential/revocations.ts'
import { type Claims, checkValidity, readClaims } from './claims.ts'
import type { Received } from './received.ts'
import { Refused, type Who } from './refused.ts'
import { readSigned, type Signed } from './signed.ts'

/** A request whose signature is right, fresh and new, with what its credential says. */
export interface Authenticated {
  readonly stage: 'authenticated'
  readonly received: Received
  readonly who: Who
  readonly claims: Claims
  /** What its roles allow together. */
  readonly may: ReadonlySet<Permission>
  /** False when nobody can say whether this signature was seen before: then it moves nothing away from safe. */
  readonly certainlyNew: boolean
}

/** Why nobody can say whether a request was carried out before, in words; undefined when it was certainly not. */
export function replayDoubt(
  { certainlyNew }: Authenticated,
  replayTrouble: () => string | undefined,
): string | undefined {
  if (!certainlyNew)
    return 'it was signed before this agent started, so nobody can say whether it was carried out then; sign it again'
  return replayTrouble()
}

export interface Authenticator {
  readonly environment: string
  readonly gateway: string
  readonly keys: Pick<EpochKeys, 'keyFor'>
  readonly replay: ReplayMemory
  readonly revocations: Pick<Revocations, 'of'>
  readonly roles: Roles
  readonly clock: Clock
  /** Hears of every request that it found right. */
  used?(authenticated: Authenticated): void
}

/**
 * Asks whether the sender holds the secret, and whether this is the first time that it says this. The order is: form,
 * address, key, digest and signature, then freshness, and what the credential says last, so that nothing of it is told to
 * someone who has not shown a right signature of now. The digest is of the bytes as they came; nothing has parsed them yet.
 */
export function authenticate(received: Received, by: Authenticator): Authenticated | Refused {
  const signed = readSigned(received)
  if (signed instanceof Refused) return signed
  const forged = checkSignature(received, signed, by)
  if (forged) return new Refused(forged)

  const { keyId, input } = signed
  const who: Who = {
    subject: leadingSubject(keyId.caveats),
    serial: keyId.serial,
    nonce: input.nonce,
    created: input.created,
  }
  const now = by.clock.wall()
  // Before anything that could speak against the holder: a copy of a request must not be held against who made it.
  const memory = checkFreshness(who, now, by.replay)
  if (memory instanceof Refusal) return new Refused(memory, who)
  const claims = readClaims(keyId.serial, keyId.caveats)
  if (claims instanceof Refusal) return new Refused(claims, who)
  const no = checkValidity(claims, now) ?? checkRevocation(claims, by.revocations)
  if (no) return new Refused(no, who)
  const may = permissionsOf(by.roles, claims.roles)
  const authenticated = {
    stage: 'authenticated',
    received,
    who,
    claims,
    may,
    certainlyNew: memory === 'new',
  } as const
  by.used?.(authenticated)
  return authenticated
}

/** Whom a credential was issued to: its first subject. Whatever was appended later cannot disguise it. */
function leadingSubject(caveats: readonly string[]): string | undefined {
  const subject = caveats.map(parseCaveat).find(caveat => caveat?.kind === 'subject')
  return subject?.kind === 'subject' ? subject.subject : undefined
}

/** Asks whether the signature is the one that the credential's holder makes over these bytes (RFC 9421 §3.2, §3.3.3). */
function checkSignature(received: Received, signed: Signed, by: Authenticator): Refusal | undefined {
  const { keyId, input } = signed
  if (keyId.environment !== by.environment || keyId.gateway !== by.gateway) {
    return new Refusal(
      'wrong-gateway',
      `the credential is for ${keyId.environment}/${keyId.gateway}, and this is ${by.environment}/${by.gateway}`,
      'use a credential that this gateway issued',
    )
  }
  const epochKey = by.keys.keyFor(keyId.generation, keyId.epoch)
  switch (epochKey.kind) {
    case 'expired':
      return new Refusal(
        'key-expired',
        'the key that the credential hangs on has expired',
        'get a new credential',
      )
    case 'not-yet':
      return new Refusal(
        'key-not-yet-valid',
        "the credential is of a later epoch than this gateway's clock",
        'check the clocks',
      )
    case 'unavailable':
      return new Refusal(
        'master-key-unavailable',
        `signatures cannot be checked: ${epochKey.detail}`,
        'see the master key in `holdfast status`',
      )
    case 'key':
      break
  }
  const digest = createHash('sha256').update(received.body).digest('base64')
  const secret = chainSecret(epochKey.key, keyId.identifier, keyId.caveats)
  const base = signatureBase({ ...received, contentDigest: signed.contentDigest }, input.signatureParams)
  const expected = hmacSha256(secret, base)
  secret.fill(0)
  const right = timingSafeEqual(expected, signed.signature)
  // Both are worked out before either is told, so that the answer's time says nothing about the other.
  if (digest !== signed.digest) {
    return new Refusal(
      'digest-mismatch',
      'the body is not the one that Content-Digest describes',
      'sign exactly the bytes that are sent',
    )
  }
  if (!right) {
    return new Refusal(
      'signature-invalid',
      'the signature is not the one that this credential makes over this method, authority, path, query and body',
      'docs/CREDENTIAL_FORMAT.md has worked bytes to compare with',
    )
  }
  return undefined
}

/** Asks whether a credential was taken away. Asked again right before a write: a revocation is to act within the second. */
export function checkRevocation(claims: Claims, revocations: Pick<Revocations, 'of'>): Refusal | undefined {
  const revocation = revocations.of(claims)
  return revocation
    ? new Refusal(
        'revoked',
        `the credential was revoked at ${new Date(revocation.at).toISOString()}`,
        'get a new credential, if you are still meant to have one',
      )
    : undefined
}

/** Asks whether the signature is of now and was never seen. From here on it was. */
function checkFreshness(
  { serial, nonce, created }: Who,
  now: UnixMs,
  replay: ReplayMemory,
): Exclude<Memory, 'seen'> | Refusal {
  const skew = Math.abs(now - created * 1000)
  if (skew > SKEW_MAX) {
    return new Refusal(
      'clock-skewed',
      `the signature was made ${Math.round(skew / 1000)} s ${created * 1000 < now ? 'ago' : 'in the future'} by this gateway's clock; at most ${SKEW_MAX / 1000} s are allowed`,
      'set the clock of the signer, or of the gateway',
    )
  }
  const memory = replay.remember(serial, nonce, created, now)
  return memory === 'seen'
    ? new Refusal('replayed', 'this signature was seen before', 'sign each request anew, with a new nonce')
    : memory
}
