/**
 * The one form of HTTP message signature (RFC 9421) that holdfast speaks. Algorithm and component list are pinned:
 * a signer has no choice that a verifier would have to trust.
 */

/** The covered components, in their one order. */
export const COVERED = '("@method" "@authority" "@path" "@query" "content-digest")'
export const TAG = 'holdfast-v1'
export const ALGORITHM = 'hmac-sha256'

/** The values of the covered components of one request. */
export interface Components {
  readonly method: string
  /** Host and, unless it is the scheme's default, port; lower case (RFC 9421 §2.2.3). */
  readonly authority: string
  /** The path exactly as sent (§2.2.6). */
  readonly path: string
  /** `?` and the query exactly as sent; `?` alone when there is none (§2.2.7). */
  readonly query: string
  readonly contentDigest: string
}

/** What the signer adds to the components. */
export interface Params {
  /** When the signature was made, in whole seconds since 1970 (`created`, §2.3). */
  readonly created: number
  readonly nonce: string
  readonly keyid: string
}

export interface SignatureInput extends Params {
  readonly label: string
  /** The inner list with its parameters exactly as received: the value of `@signature-params`. */
  readonly signatureParams: string
}

/** Serializes the covered components and parameters: the value of `@signature-params` (§2.3). */
export function formatSignatureParams({ created, nonce, keyid }: Params): string {
  return `${COVERED};created=${created};nonce="${nonce}";keyid="${keyid}";alg="${ALGORITHM}";tag="${TAG}"`
}

/** Builds the signature base (§2.5): the bytes that are signed, as ASCII text. */
export function signatureBase(components: Components, signatureParams: string): string {
  return [
    `"@method": ${components.method}`,
    `"@authority": ${components.authority}`,
    `"@path": ${components.path}`,
    `"@query": ${components.query}`,
    `"content-digest": ${components.contentDigest}`,
    `"@signature-params": ${signatureParams}`,
  ].join('\n')
}

const LABEL = '[a-z*][a-z0-9_.*-]{0,31}'
const INPUT = new RegExp(
  `^(${LABEL})=(\\("@method" "@authority" "@path" "@query" "content-digest"\\)((?:;[a-z]+=(?:[0-9]{1,12}|"[!#-[\\]-~]*"))+))$`,
)
const PARAM = /;([a-z]+)=(?:([0-9]+)|"([^"]*)")/g
/** 128 bits or more: 22 base64 characters or 32 hexadecimal ones. */
const NONCE = /^[A-Za-z0-9+/_=-]{22,86}$/

/**
 * Reads a `Signature-Input` field of the pinned form. Returns the reason in words when it is anything else.
 * Parameters may come in any order, each once; `alg` may be left out. No whitespace is allowed that RFC 8941
 * serialization would not write, because the bytes are used as they came.
 */
export function parseSignatureInput(field: string): SignatureInput | string {
  const match = INPUT.exec(field)
  const [, label, signatureParams, list] = match ?? []
  if (label === undefined || signatureParams === undefined || list === undefined) {
    return `Signature-Input is not of the form label=${COVERED};created=…;nonce="…";keyid="…";tag="${TAG}"`
  }
  const params = new Map<string, string>()
  for (const [, name = '', number, text] of list.matchAll(PARAM)) {
    if (params.has(name)) return `Signature-Input has the parameter ${name} twice`
    // `created` is the one integer; the others are strings. A wrong type is a wrong form.
    if ((name === 'created') !== (number !== undefined))
      return `Signature-Input parameter ${name} has the wrong type`
    params.set(name, number ?? text ?? '')
  }
  const unknown = [...params.keys()].find(name => !['created', 'nonce', 'keyid', 'alg', 'tag'].includes(name))
  if (unknown !== undefined) return `Signature-Input has a parameter that is not supported: ${unknown}`
  const missing = ['created', 'nonce', 'keyid', 'tag'].find(name => !params.has(name))
  if (missing !== undefined) return `Signature-Input lacks the parameter ${missing}`
  if ((params.get('alg') ?? ALGORITHM) !== ALGORITHM)
    return `Signature-Input asks for an algorithm other than ${ALGORITHM}`
  if (params.get('tag') !== TAG) return `Signature-Input has a tag other than ${TAG}`
  const nonce = params.get('nonce') ?? ''
  if (!NONCE.test(nonce))
    return 'the nonce must be 22 to 86 characters of base64, base64url or hexadecimal (128 bits or more)'
  return {
    label,
    signatureParams,
    created: Number(params.get('created')),
    nonce,
    keyid: params.get('keyid') ?? '',
  }
}

/** 32 bytes in base64, in the one way to write them: the two bits that the last character has to spare are 0 (RFC 4648 §3.5). */
const BASE64_32 = '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]='
const SIGNATURE = new RegExp(`^(${LABEL})=:(${BASE64_32}):$`)

/** Reads a `Signature` field: its label and the base64 text of 32 bytes; undefined when it is anything else. */
export function parseSignature(field: string): { label: string; base64: string } | undefined {
  const [, label, base64] = SIGNATURE.exec(field) ?? []
  return label === undefined || base64 === undefined ? undefined : { label, base64 }
}

const DIGEST = new RegExp(`^sha-256=:(${BASE64_32}):$`)

/** Reads a `Content-Digest` field (RFC 9530 §2) with one sha-256 value: its base64 text; undefined when anything else. */
export function parseContentDigest(field: string): string | undefined {
  return DIGEST.exec(field)?.[1]
}
