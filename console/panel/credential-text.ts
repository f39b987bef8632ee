import { type Caveat, parseCaveat } from '../../model/caveat.ts'
import { parseKeyId } from '../../model/credential.ts'
import type { UnixMs } from '../../model/time.ts'

/** A credential that was given to the page, and what it says of itself. The agent has not been asked yet. */
export interface GivenCredential {
  readonly keyid: string
  /** Its 32 bytes. Whoever takes them over wipes them. */
  readonly secret: Uint8Array<ArrayBuffer>
  readonly holder: Holder
}

/** Who is signed in, by what the credential says: nothing of it is secret. */
export interface Holder {
  readonly subject: string
  readonly roles: readonly string[]
  /** Everything that it says, as far as this page understands it. */
  readonly caveats: readonly Caveat[]
  readonly environment: string
  readonly gateway: string
  /** The moment after the last of its validity. */
  readonly until: UnixMs
}

/** Reads the text of a credential file. Returns what is wrong, in words, when it is none, or one that has ended. */
export function readCredentialText(text: string, now: UnixMs): GivenCredential | string {
  const members = readMembers(text)
  if (!members) return 'This is not a credential file: it is not JSON with a keyid and a secret.'
  const keyId = parseKeyId(members.keyid)
  if (!keyId) return 'This is not a credential file: its keyid is malformed.'
  const secret = bytesOf(members.secret)
  if (secret?.length !== 32) return 'This is not a credential file: its secret is not 32 bytes.'
  const caveats = keyId.caveats.map(parseCaveat).filter(caveat => caveat !== undefined)
  const subject = caveats.find(caveat => caveat.kind === 'subject')?.subject
  const ends = caveats.flatMap(caveat => (caveat.kind === 'not-after' ? [caveat.seconds * 1000] : []))
  const roles = caveats.flatMap((caveat: Caveat) => (caveat.kind === 'role' ? [caveat.role] : []))
  if (subject === undefined || ends.length === 0 || roles.length === 0)
    return 'This credential is not whole: it names no subject, no role or no end. Get a new one.'
  const until = Math.min(...ends)
  if (until <= now) return `This credential ended at ${new Date(until).toISOString()}. Get a new one.`
  const { environment, gateway } = keyId
  return { keyid: members.keyid, secret, holder: { subject, roles, caveats, environment, gateway, until } }
}

function readMembers(text: string): { keyid: string; secret: string } | undefined {
  try {
    const { keyid, secret } = (JSON.parse(text) ?? {}) as Record<string, unknown>
    return typeof keyid === 'string' && typeof secret === 'string' ? { keyid, secret } : undefined
  } catch {
    return undefined
  }
}

/** Reads base64url without padding (RFC 4648 §5); undefined when it is anything else. */
function bytesOf(base64url: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(base64url)) return undefined
  try {
    const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
    return Uint8Array.from(text, character => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
