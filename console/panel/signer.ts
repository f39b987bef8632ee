import { formatSignatureParams, signatureBase } from '../../model/signature.ts'
import type { GivenCredential } from './credential-text.ts'

/** What is signed of a request. `path` is sent exactly as given, and there is no query. */
export interface Unsigned {
  readonly method: string
  /** Host and, unless it is the scheme's default, port, as the browser sends it. */
  readonly authority: string
  readonly path: string
  readonly body: Uint8Array<ArrayBuffer>
}

/** The time in whole seconds since 1970, and 16 random bytes or more. */
export interface Freshness {
  readonly created: number
  readonly nonce: Uint8Array
}

/**
 * Signs requests as client/sign.ts does, in a browser: the base that is signed is built by the same function of the model,
 * and only the HMAC is WebCrypto's. The key cannot be taken out of it again, and is gone with the page.
 */
export class Signer {
  readonly #keyid: string
  readonly #key: CryptoKey

  private constructor(keyid: string, key: CryptoKey) {
    this.#keyid = keyid
    this.#key = key
  }

  /** Takes over a credential, and wipes the bytes of its secret. */
  static async hold({ keyid, secret }: Pick<GivenCredential, 'keyid' | 'secret'>): Promise<Signer> {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
    secret.fill(0)
    return new Signer(keyid, key)
  }

  /** The three header fields to send with a request (RFC 9421 hmac-sha256 over a Content-Digest of RFC 9530). */
  async sign(
    { method, authority, path, body }: Unsigned,
    { created, nonce }: Freshness,
  ): Promise<Record<'Content-Digest' | 'Signature-Input' | 'Signature', string>> {
    const contentDigest = `sha-256=:${base64(await crypto.subtle.digest('SHA-256', body))}:`
    const params = formatSignatureParams({ created, nonce: base64url(nonce), keyid: this.#keyid })
    const base = signatureBase({ method, authority, path, query: '?', contentDigest }, params)
    const signature = await crypto.subtle.sign('HMAC', this.#key, new TextEncoder().encode(base))
    return {
      'Content-Digest': contentDigest,
      'Signature-Input': `hf=${params}`,
      Signature: `hf=:${base64(signature)}:`,
    }
  }
}

function base64(bytes: ArrayBuffer | Uint8Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
}

function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
