import { createHmac } from 'node:crypto'

/**
 * The message whose HMAC under a master key begins with the key's id. It is no prefix of any message that a key is derived from
 * (chain.ts): those begin with the length of their label.
 */
export const KEY_ID_MESSAGE: Uint8Array = Buffer.from('holdfast escrow id')

/** 48 bits: two keys of one plant do not meet, and nobody finds a second key for an id by accident. */
export const KEY_ID_BYTES = 6

/**
 * Which key it is: the first bytes of an HMAC under it, hexadecimal. It tells nothing else of a key of 256 random bits, and may
 * be written down anywhere. A key in a TPM answers for its own id with `keyIdFromMac`.
 */
export function keyIdOf(key: Uint8Array): string {
  return keyIdFromMac(createHmac('sha256', key).update(KEY_ID_MESSAGE).digest())
}

/** The key's id, from the HMAC of KEY_ID_MESSAGE. */
export function keyIdFromMac(mac: Uint8Array): string {
  return Buffer.from(mac.subarray(0, KEY_ID_BYTES)).toString('hex')
}
