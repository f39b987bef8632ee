import { createPrivateKey } from 'node:crypto'

/** What of a private key is private, by the names of RFC 7518 §6.2.2 and §6.3.2: a scalar of EC, the exponents and factors of RSA. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const

/** Whatever shows a part shows its beginning too, also where a console ends a long list of bytes with "and so many more". */
const BEGINNING = 32

/**
 * The private parts of a key, each by its beginning. In DER they stand as they are, so that a key that is written anywhere as a whole,
 * in PEM or DER or as a JWK, leaves traces of them.
 */
export function partsOf(name: string, pem: string): ReadonlyMap<string, Uint8Array> {
  const jwk = createPrivateKey(pem).export({ format: 'jwk' })
  return new Map(
    PRIVATE.flatMap(part => {
      const written = jwk[part]
      return typeof written === 'string'
        ? [[`${part} of ${name}`, Buffer.from(written, 'base64url').subarray(0, BEGINNING)] as const]
        : []
    }),
  )
}
