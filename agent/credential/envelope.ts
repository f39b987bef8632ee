import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Entropy } from '../../model/time.ts'
import { lengthPrefixed, number64 } from './chain.ts'
import type { MasterKey, MasterKeyUnavailable } from './master-key.ts'

/**
 * Envelopes: secrets that must lie on the disk, sealed with AES-256-GCM (NIST SP 800-38D) under a data key of their own, which
 * is sealed under a key that only the master key gives.
 *
 *     header ‖ nonce 12 ‖ data key 32 ‖ tag 16 ‖ nonce 12 ‖ secret n ‖ tag 16
 *
 * The header is label, purpose, environment, gateway and generation, each after its length as four bytes, like the
 * messages of chain.ts. It is authenticated in both layers, so an envelope opens only for the purpose and the gateway it was
 * sealed for; the second layer authenticates the first as well.
 */

const LABEL = 'holdfast envelope v1'
const KEK_LABEL = 'holdfast envelope key v1'
const ALGORITHM = 'aes-256-gcm'
const KEY_LENGTH = 32
const NONCE_LENGTH = 12
/** Node takes shorter tags unless told; 4 bytes would be guessed in an afternoon. */
const TAG_LENGTH = 16
const BOX_OVERHEAD = NONCE_LENGTH + TAG_LENGTH

/** Longest secret, in bytes. These are keys and seeds, not archives. */
export const SECRET_LENGTH_MAX = 64 * 1024
/** Longest envelope, in bytes, with room for the header. */
export const ENVELOPE_LENGTH_MAX = SECRET_LENGTH_MAX + KEY_LENGTH + 2 * BOX_OVERHEAD + 1024

/** What an envelope is for. Its generation is that of the master key. */
export interface EnvelopeContext {
  /** `break-glass` */
  readonly purpose: string
  readonly environment: string
  readonly gateway: string
}

/** The message whose HMAC under the master key is the key-encrypting key. */
export function envelopeKeyMessage(context: EnvelopeContext, generation: number): Uint8Array {
  return fieldsOf(KEK_LABEL, context, generation)
}

/** The key that seals and opens the envelopes of one context. Wiped when disposed of; using it afterwards is a mistake and throws. */
export class EnvelopeKey implements Disposable {
  readonly kind = 'envelope-key'
  /** What every envelope of this context begins with. */
  readonly header: Uint8Array
  readonly #key: Uint8Array
  #wiped = false

  private constructor(header: Uint8Array, key: Uint8Array) {
    this.header = header
    this.#key = key
  }

  /** Asks the master key once. RFC 5869 would call this an HKDF-Expand of one block: the master key is uniform already. */
  static async derive(
    master: MasterKey,
    context: EnvelopeContext,
    signal: AbortSignal,
  ): Promise<EnvelopeKey | MasterKeyUnavailable> {
    const answer = await master.hmac(envelopeKeyMessage(context, master.generation), signal)
    if (answer.kind === 'unavailable') return answer
    return new EnvelopeKey(fieldsOf(LABEL, context, master.generation), answer.mac)
  }

  get bytes(): Uint8Array {
    if (this.#wiped) throw new TypeError('the envelope key was wiped')
    return this.#key
  }

  [Symbol.dispose](): void {
    this.#wiped = true
    this.#key.fill(0)
  }
}

/**
 * Seals a secret. Nonces are random: under one key at most 2^32 envelopes (SP 800-38D §8.3), which at one a second is 136 years. Throws
 * RangeError for a secret over `SECRET_LENGTH_MAX`.
 */
export function sealEnvelope(secret: Uint8Array, kek: EnvelopeKey, entropy: Entropy): Uint8Array {
  if (secret.length > SECRET_LENGTH_MAX) throw new RangeError(`at most ${SECRET_LENGTH_MAX} bytes`)
  const dataKey = Buffer.from(entropy(KEY_LENGTH))
  try {
    const wrapped = sealBox(dataKey, kek.bytes, entropy(NONCE_LENGTH), kek.header)
    const front = Buffer.concat([kek.header, wrapped])
    return Buffer.concat([front, sealBox(secret, dataKey, entropy(NONCE_LENGTH), front)])
  } finally {
    dataKey.fill(0)
  }
}

export type OpenedEnvelope =
  /** Whoever gets the secret wipes it. */
  | { readonly kind: 'opened'; readonly secret: Uint8Array }
  /**
   * - `not-an-envelope`: it does not begin like one, or is too short.
   * - `other-context`: it was sealed for another purpose, environment, gateway or generation.
   * - `damaged`: it was changed, or sealed under another master key; there is no telling which.
   */
  | { readonly kind: 'refused'; readonly reason: 'not-an-envelope' | 'other-context' | 'damaged' }

/** Opens an envelope of this key's context, or refuses it whole. */
export function openEnvelope(envelope: Uint8Array, kek: EnvelopeKey): OpenedEnvelope {
  const label = lengthPrefixed([Buffer.from(LABEL)])
  if (!startsWith(envelope, label)) return { kind: 'refused', reason: 'not-an-envelope' }
  if (!startsWith(envelope, kek.header)) return { kind: 'refused', reason: 'other-context' }
  const frontLength = kek.header.length + KEY_LENGTH + BOX_OVERHEAD
  if (envelope.length < frontLength + BOX_OVERHEAD) return { kind: 'refused', reason: 'not-an-envelope' }
  const front = envelope.subarray(0, frontLength)
  const dataKey = openBox(front.subarray(kek.header.length), kek.bytes, kek.header)
  if (dataKey === undefined) return { kind: 'refused', reason: 'damaged' }
  const secret = openBox(envelope.subarray(frontLength), dataKey, front)
  dataKey.fill(0)
  return secret === undefined ? { kind: 'refused', reason: 'damaged' } : { kind: 'opened', secret }
}

/** nonce ‖ ciphertext ‖ tag */
function sealBox(plain: Uint8Array, key: Uint8Array, nonce: Uint8Array, header: Uint8Array): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH }).setAAD(header)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** The plain bytes, or undefined when anything was changed; of those, none is given away before all are proven. */
function openBox(box: Uint8Array, key: Uint8Array, header: Uint8Array): Buffer | undefined {
  const nonce = box.subarray(0, NONCE_LENGTH)
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH })
    .setAAD(header)
    .setAuthTag(box.subarray(box.length - TAG_LENGTH))
  const plain = decipher.update(box.subarray(NONCE_LENGTH, box.length - TAG_LENGTH))
  try {
    // GCM is a stream: nothing is left for the end but the verdict.
    decipher.final()
    return plain
  } catch {
    plain.fill(0)
    return undefined
  }
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && Buffer.compare(bytes.subarray(0, start.length), start) === 0
}

function fieldsOf(label: string, context: EnvelopeContext, generation: number): Uint8Array {
  const texts = [label, context.purpose, context.environment, context.gateway]
  return lengthPrefixed([...texts.map(text => Buffer.from(text)), number64(generation)])
}
