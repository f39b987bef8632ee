import { type Caveat, parseCaveat } from '../../model/caveat.ts'
import { Refusal } from '../../model/refusal.ts'
import type { UnixMs } from '../../model/time.ts'

/** What a credential says: all that its caveats allow together. */
export interface Claims {
  readonly serial: string
  readonly subject: string
  readonly roles: readonly string[]
  readonly caveats: readonly Caveat[]
  /** First moment of its validity and the moment after its last, in seconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** When it was issued; 0 where it does not say. A later beginning that its holder added does not count. */
  readonly issuedAt: UnixMs
}

/** Reads a credential's caveats. One that is not understood denies; so does one that could mean two things. */
export function readClaims(serial: string, texts: readonly string[]): Claims | Refusal {
  const caveats: Caveat[] = []
  for (const text of texts) {
    const caveat = parseCaveat(text)
    if (!caveat) {
      return new Refusal(
        'caveat-unknown',
        `the credential carries a caveat that is not understood: ${text}`,
        'update the agent, or narrow the credential in words that it knows',
      )
    }
    caveats.push(caveat)
  }
  const subjects = new Set(caveats.flatMap(caveat => (caveat.kind === 'subject' ? [caveat.subject] : [])))
  const roles = caveats.flatMap(caveat => (caveat.kind === 'role' ? [caveat.role] : []))
  const ends = caveats.flatMap(caveat => (caveat.kind === 'not-after' ? [caveat.seconds] : []))
  const beginnings = caveats.flatMap(caveat => (caveat.kind === 'not-before' ? [caveat.seconds] : []))
  const [subject] = subjects
  if (subject === undefined || subjects.size > 1 || roles.length === 0 || ends.length === 0) {
    return new Refusal(
      'credential-incomplete',
      'a credential names exactly one subject, a role and an end',
      'get a new credential',
    )
  }
  return {
    serial,
    subject,
    roles,
    caveats,
    notBefore: Math.max(0, ...beginnings),
    notAfter: Math.min(...ends),
    issuedAt: beginnings.length > 0 ? Math.min(...beginnings) * 1000 : 0,
  }
}

/** Asks whether a credential is valid at a moment. */
export function checkValidity({ notBefore, notAfter }: Claims, now: UnixMs): Refusal | undefined {
  if (now >= notAfter * 1000) {
    return new Refusal('key-expired', `the credential ended at ${iso(notAfter)}`, 'get a new credential')
  }
  if (now < notBefore * 1000) {
    return new Refusal(
      'key-not-yet-valid',
      `the credential begins at ${iso(notBefore)}`,
      'wait until then, or check the clocks',
    )
  }
  return undefined
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
