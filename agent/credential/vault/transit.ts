/** The two messages of the transit secrets engine that are needed here (HTTP API, Transit, "Generate HMAC"). */

const MAC_LENGTH = 32
/** `vault:v1:` and then base64. OpenBao says `vault`, too. */
const HMAC_FORM = /^vault:v([1-9][0-9]{0,8}):([A-Za-z0-9+/]{43}=)$/
/** Longest text of a server that is repeated to an operator. */
const WORDS_LENGTH_MAX = 200

/** The body that asks for the HMAC of a message under one version of a key: 0, the newest, is never asked for. */
export function hmacRequest(message: Uint8Array, keyVersion: number): string {
  return JSON.stringify({ input: Buffer.from(message).toString('base64'), key_version: keyVersion })
}

export type TransitHmac =
  | { readonly kind: 'hmac'; readonly mac: Uint8Array }
  | { readonly kind: 'other-version'; readonly version: number }
  | { readonly kind: 'malformed' }

/** Reads the answer to `hmacRequest`, strictly: this version of the key, 32 bytes, base64 in its one canonical form. */
export function parseHmac(body: Uint8Array, keyVersion: number): TransitHmac {
  const answer = parseJson(body)
  const text = memberOf(memberOf(answer, 'data'), 'hmac')
  const [, version, base64 = ''] = typeof text === 'string' ? (HMAC_FORM.exec(text) ?? []) : []
  if (version === undefined) return { kind: 'malformed' }
  if (Number(version) !== keyVersion) return { kind: 'other-version', version: Number(version) }
  const mac = Buffer.from(base64, 'base64')
  return mac.length === MAC_LENGTH && mac.toString('base64') === base64
    ? { kind: 'hmac', mac }
    : { kind: 'malformed' }
}

/**
 * What the server says is wrong (`{"errors": ["…"]}`), as one line of printable ASCII and not for long, since it goes into logs.
 * `secret` is struck out: some proxies repeat what they were sent. Empty when it says nothing that way.
 */
export function serverWords(body: Uint8Array, secret: string): string {
  const errors = memberOf(parseJson(body), 'errors')
  const texts = Array.isArray(errors) ? errors.filter(error => typeof error === 'string') : []
  return texts
    .join('; ')
    .replaceAll(secret, '(token)')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
    .slice(0, WORDS_LENGTH_MAX)
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    return undefined
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}
