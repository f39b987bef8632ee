import { createHmac } from 'node:crypto'

/**
 * The message whose HMAC under the master key is an epoch key: label, environment, gateway, generation and epoch
 * number, each preceded by its length as four bytes, most significant first, so that no two lists of fields have the
 * same bytes. Numbers are eight bytes.
 */
export function epochMessage(of: {
  environment: string
  gateway: string
  generation: number
  epoch: number
}): Uint8Array {
  return lengthPrefixed([
    Buffer.from('holdfast epoch key v1'),
    Buffer.from(of.environment),
    Buffer.from(of.gateway),
    number64(of.generation),
    number64(of.epoch),
  ])
}

/** The message whose HMAC under the master key is the seed of the key that signs audit checkpoints (Ed25519, RFC 8032 §5.1.5). */
export function checkpointSeedMessage(of: {
  environment: string
  gateway: string
  generation: number
}): Uint8Array {
  return lengthPrefixed([
    Buffer.from('holdfast audit checkpoint key v1'),
    Buffer.from(of.environment),
    Buffer.from(of.gateway),
    number64(of.generation),
  ])
}

/** The secret of a credential (32 bytes): the identifier and then each caveat, chained by HMAC-SHA256 from the epoch key. */
export function chainSecret(epochKey: Uint8Array, identifier: string, caveats: readonly string[]): Buffer {
  let key = hmacSha256(epochKey, identifier)
  for (const caveat of caveats) {
    const next = hmacSha256(key, caveat)
    key.fill(0)
    key = next
  }
  return key
}

/** HMAC-SHA256 (RFC 2104, FIPS 198-1). */
export function hmacSha256(key: Uint8Array, message: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(message).digest()
}

/** Fields, each after its length as four bytes, most significant first: no two lists of fields have the same bytes. */
export function lengthPrefixed(fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(field => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(field.length)
      return [length, field]
    }),
  )
}

/** A whole number as eight bytes, most significant first. */
export function number64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
