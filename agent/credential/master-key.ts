/**
 * The master key, wherever it is kept. The daemon asks it once an epoch for an epoch key and never sees the key itself.
 * Every source of a master key implements this, and passes test/agent/credential/master-key.contract.ts.
 */
export interface MasterKey {
  /**
   * HMAC-SHA256(master key, message), RFC 2104. The message is at most `MESSAGE_LENGTH_MAX` bytes, or it throws
   * RangeError. Each call asks the source anew, so a source that comes back is used again without a restart. The answer
   * comes within a second after `signal` aborts; whoever gets the `mac` wipes it.
   */
  hmac(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer>

  /** The generation that this object answers for, from 1; it never changes. A rotated key is another object. */
  readonly generation: number

  /** Where the key is, for a person: `tpm (resident, sha256:7)`. */
  readonly description: string
}

/** What a TPM takes in one HMAC command without a sequence (TPM 2.0 Part 2, TPM2_MAX_DIGEST_BUFFER). */
export const MESSAGE_LENGTH_MAX = 1024

export type MasterKeyAnswer = { readonly kind: 'mac'; readonly mac: Uint8Array } | MasterKeyUnavailable

/** The key could not be used now. Detail and remedy are plain words, fit for an operator and for the audit log. */
export interface MasterKeyUnavailable {
  readonly kind: 'unavailable'
  readonly reason: Unavailability
  readonly detail: string
  readonly remedy: string
}

/**
 * - `absent`: there is nothing to ask: no TPM, no software TPM, a tool is not installed, or access is denied.
 * - `locked-out`: the TPM refuses every authorization for a while (dictionary-attack lock-out).
 * - `policy`: the host's measured state is not the one that the key is bound to.
 * - `busy`: the source has no room or no time now; the next call may well succeed.
 * - `timeout`: no answer before the deadline.
 * - `not-enrolled`: there is no key of this generation.
 * - `replaced`: there is a key, and it belongs to another TPM or to this one before it was cleared.
 * - `failed`: anything else.
 */
export type Unavailability =
  | 'absent'
  | 'locked-out'
  | 'policy'
  | 'busy'
  | 'timeout'
  | 'not-enrolled'
  | 'replaced'
  | 'failed'
