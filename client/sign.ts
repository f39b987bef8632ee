import { createHash, createHmac } from 'node:crypto'
import type { Credential } from '../model/credential.ts'
import { formatSignatureParams, signatureBase } from '../model/signature.ts'

/** A request before it is signed. `path` is sent exactly as given; `query` has no leading `?`. */
export interface Unsigned {
  readonly method: string
  readonly authority: string
  readonly path: string
  readonly query?: string
  readonly body?: Uint8Array
}

/** What makes one signature differ from every other: the time in whole seconds since 1970 and 16 random bytes or more. */
export interface Freshness {
  readonly created: number
  readonly nonce: Uint8Array
}

/**
 * Signs a request with a credential: returns the three header fields to send with it
 * (RFC 9421 hmac-sha256 over a Content-Digest of RFC 9530).
 */
export function signRequest(
  request: Unsigned,
  credential: Credential,
  { created, nonce }: Freshness,
): Record<'Content-Digest' | 'Signature-Input' | 'Signature', string> {
  const digest = createHash('sha256')
    .update(request.body ?? new Uint8Array())
    .digest('base64')
  const contentDigest = `sha-256=:${digest}:`
  const params = formatSignatureParams({
    created,
    nonce: Buffer.from(nonce).toString('base64url'),
    keyid: credential.keyid,
  })
  const base = signatureBase(
    {
      method: request.method,
      authority: request.authority,
      path: request.path,
      query: `?${request.query ?? ''}`,
      contentDigest,
    },
    params,
  )
  const secret = Buffer.from(credential.secret, 'base64url')
  const signature = createHmac('sha256', secret).update(base).digest('base64')
  secret.fill(0)
  return {
    'Content-Digest': contentDigest,
    'Signature-Input': `hf=${params}`,
    Signature: `hf=:${signature}:`,
  }
}
