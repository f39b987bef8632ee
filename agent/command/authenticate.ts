import { createHash, timingSafeEqual } from 'node:crypto'
import { Refusal } from '../../model/refusal.ts'
import { signatureBase } from '../../model/signature.ts'
import type { Clock, UnixMs } from '../../model/time.ts'
import { chainSecret, hmacSha256 } from '../credential/chain.ts'
import type { EpochKeys } from '../credential/epoch-keys.ts'
import { type ReplayMemory, SKEW_MAX } from '../credential/replay.ts'
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
}

export interface Authenticator {
  readonly environment: string
  readonly gateway: string
  readonly keys: EpochKeys
  readonly replay: ReplayMemory
  readonly clock: Clock
}

/**
 * Asks whether the sender holds the secret, and whether this is the first time that it says this. The order is: form,
 * address, key, digest and signature, caveats, and time last, so that nothing about content or time is told to someone
 * who has not shown a right signature. The digest is of the bytes as they came; nothing has parsed them yet.
 */
export function authenticate(received: Received, by: Authenticator): Authenticated | Refused {
  const signed = readSigned(received)
  if (signed instanceof Refused) return signed
  const forged = checkSignature(received, signed, by)
  if (forged) return new Refused(forged)

  const { keyId, input } = signed
  const claims = readClaims(keyId.caveats)
  const subject = claims instanceof Refusal ? undefined : claims.subject
  const who: Who = { subject, serial: keyId.serial, nonce: input.nonce, created: input.created }
  if (claims instanceof Refusal) return new Refused(claims, who)
  const now = by.clock.wall()
  const late = checkValidity(claims, now) ?? checkFreshness(who, now, by.replay)
  if (late) return new Refused(late, who)
  return { stage: 'authenticated', received, who, claims }
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

/** Asks whether the signature is of now and was never seen. From here on it was. */
function checkFreshness(
  { serial, nonce, created }: Who,
  now: UnixMs,
  replay: ReplayMemory,
): Refusal | undefined {
  const skew = Math.abs(now - created * 1000)
  if (skew > SKEW_MAX) {
    return new Refusal(
      'clock-skewed',
      `the signature was made ${Math.round(skew / 1000)} s ${created * 1000 < now ? 'ago' : 'in the future'} by this gateway's clock; at most ${SKEW_MAX / 1000} s are allowed`,
      'set the clock of the signer, or of the gateway',
    )
  }
  switch (replay.remember(serial, nonce, created, now)) {
    case 'new':
      return undefined
    case 'seen':
      return new Refusal(
        'replayed',
        'this signature was seen before',
        'sign each request anew, with a new nonce',
      )
    case 'forgotten':
      return new Refusal(
        'clock-skewed',
        "this gateway's clock has stepped back behind the signature's time",
        'check the clock of the gateway',
      )
  }
}
