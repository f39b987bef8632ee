/**
 * A credential as it travels: an identifier and its caveats, in one line of text that is the `keyid` of every
 * signature made with it. The secret is not in it and is never sent.
 *
 *     hf1:<environment>/<gateway>/<generation>/<epoch>/<serial>;<caveat>;<caveat>…
 *
 * K0 = HMAC-SHA256(epoch key, identifier); Ki = HMAC-SHA256(Ki-1, caveat i); the last one is the secret.
 */
export interface KeyId {
  /** The identifier's text, the part before the first `;`: what K0 is computed over. */
  readonly identifier: string
  readonly environment: string
  readonly gateway: string
  /** Of the master key, from 1; 0 for an emergency credential, which hangs on a key of its own. */
  readonly generation: number
  readonly epoch: number
  readonly serial: string
  /** The caveats' texts, in chain order: what K1… are computed over. Not yet parsed: an unknown one is not malformed. */
  readonly caveats: readonly string[]
}

/** Longest `keyid` that is looked at, in characters. */
export const KEYID_LENGTH_MAX = 2048
/** Most caveats that are looked at: each costs one HMAC before the signature is known to be right. */
export const CAVEATS_MAX = 32

/** The form of an environment's, a gateway's and an actuator's name. */
export const NAME_FORM = /^[a-z0-9][a-z0-9-]{0,62}$/

const IDENTIFIER =
  /^hf1:([a-z0-9][a-z0-9-]{0,62})\/([a-z0-9][a-z0-9-]{0,62})\/(0|[1-9][0-9]{0,8})\/(0|[1-9][0-9]{0,8})\/([A-Za-z0-9_-]{16,43})$/
/** Printable ASCII without space, `"`, `\` and `;`: what can stand in an sf-string unescaped (RFC 8941 §3.3.3). */
const CAVEAT = /^[!#-:<-[\]-~]{1,512}$/

/** Reads a `keyid`. Returns undefined when it is not of the form above; says nothing about whether it is genuine. */
export function parseKeyId(text: string): KeyId | undefined {
  if (text.length > KEYID_LENGTH_MAX) return undefined
  const [identifier, ...caveats] = text.split(';')
  const match = identifier === undefined ? null : IDENTIFIER.exec(identifier)
  if (!identifier || !match || caveats.length > CAVEATS_MAX) return undefined
  if (!caveats.every(caveat => CAVEAT.test(caveat))) return undefined
  const [, environment = '', gateway = '', generation, epoch, serial = ''] = match
  return {
    identifier,
    environment,
    gateway,
    generation: Number(generation),
    epoch: Number(epoch),
    serial,
    caveats,
  }
}

/** Writes the identifier part of a `keyid`. */
export function formatIdentifier(of: Omit<KeyId, 'identifier' | 'caveats'>): string {
  return `hf1:${of.environment}/${of.gateway}/${of.generation}/${of.epoch}/${of.serial}`
}

/** A credential as its holder keeps it: what a credential file contains. */
export interface Credential {
  readonly keyid: string
  /** The last key of the chain: 32 bytes, base64url without padding. */
  readonly secret: string
}
