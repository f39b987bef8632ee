import { createHmac } from 'node:crypto'
import type { Caveat } from '../model/caveat.ts'
import { formatCaveat } from '../model/caveat.ts'
import type { Credential } from '../model/credential.ts'

/**
 * Makes a weaker credential from one that is held, offline: the agent is not asked and need not know. The holder of the
 * new one cannot get back to the old one, because that would take undoing an HMAC.
 */
export function narrow(credential: Credential, caveats: readonly Caveat[]): Credential {
  let key: Buffer = Buffer.from(credential.secret, 'base64url')
  const texts = caveats.map(formatCaveat)
  for (const text of texts) {
    const next = createHmac('sha256', key).update(text).digest()
    key.fill(0)
    key = next
  }
  return { keyid: [credential.keyid, ...texts].join(';'), secret: key.toString('base64url') }
}
