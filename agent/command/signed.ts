import { type KeyId, parseKeyId } from '../../model/credential.ts'
import {
  parseContentDigest,
  parseSignature,
  parseSignatureInput,
  type SignatureInput,
} from '../../model/signature.ts'
import type { Received } from './received.ts'
import { type Refused, refuse } from './refused.ts'

/** The parts of a signature, well formed. Nothing says yet that they are genuine. */
export interface Signed {
  readonly input: SignatureInput
  readonly keyId: KeyId
  readonly signature: Buffer
  readonly contentDigest: string
  readonly digest: string
}

/** Reads the signature off a request, in the one form that there is, or says what is wrong with its form. */
export function readSigned({ fields }: Received): Signed | Refused {
  const inputs = fields.get('signature-input') ?? []
  const signatures = fields.get('signature') ?? []
  if (inputs.length === 0 && signatures.length === 0) {
    return refuse(
      'signature-missing',
      'the request is not signed',
      'sign it with a credential: docs/CREDENTIAL_FORMAT.md',
    )
  }
  if (inputs.length === 0 || signatures.length === 0) {
    return refuse(
      'signature-malformed',
      'Signature and Signature-Input come together, and one of them is missing',
      'send both: docs/CREDENTIAL_FORMAT.md',
    )
  }
  const [inputField = '', signatureField = ''] = [inputs[0], signatures[0]]
  // A second dictionary member would leave it to us which of two signatures counts.
  const members = [inputField.replace(/"[^"]*"/g, ''), signatureField]
  if (inputs.length > 1 || signatures.length > 1 || members.some(field => field.includes(','))) {
    return refuse('signature-ambiguous', 'the request carries more than one signature', 'send exactly one')
  }
  const input = parseSignatureInput(inputField)
  if (typeof input === 'string')
    return refuse('signature-malformed', input, 'docs/CREDENTIAL_FORMAT.md has the form')
  const signature = parseSignature(signatureField)
  if (!signature || signature.label !== input.label) {
    return refuse(
      'signature-malformed',
      `Signature is not of the form ${input.label}=:base64 of 32 bytes:`,
      'docs/CREDENTIAL_FORMAT.md has the form',
    )
  }
  const digests = fields.get('content-digest') ?? []
  const [contentDigest] = digests
  if (contentDigest === undefined) {
    return refuse(
      'digest-missing',
      'the request has no Content-Digest',
      'every request needs one, with an empty body too',
    )
  }
  const digest = digests.length > 1 ? undefined : parseContentDigest(contentDigest)
  if (digest === undefined) {
    return refuse(
      'digest-malformed',
      'Content-Digest is not one value of the form sha-256=:base64:',
      'send exactly one',
    )
  }
  const keyId = parseKeyId(input.keyid)
  if (!keyId)
    return refuse(
      'credential-malformed',
      'the keyid is not a holdfast credential',
      'use the keyid of a credential file',
    )
  return { input, keyId, signature: Buffer.from(signature.base64, 'base64'), contentDigest, digest }
}
