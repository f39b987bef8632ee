import type { Millis } from './time.ts'

/**
 * What a refused request says about whoever sent it (docs/ARCHITECTURE.md says what is done with it).
 * - `forged`: nothing in the request proves knowledge of a secret: bad signature, unknown id, nonsense in the place of one.
 * - `unsigned`: there is no signature at all. It can never be taken for a right one, so it is no attempt at one; somebody should look all the same.
 * - `denied`: a right signature that its scope, network, identity or revocation denies.
 * - `stale`: a right signature, expired or seen before. A replayer looks like this, and so does a slow operator.
 * - `none`: says nothing about intent.
 */
export type Suspicion = 'forged' | 'unsigned' | 'denied' | 'stale' | 'none'

interface Kind {
  /** HTTP status (RFC 9110 §15). */
  readonly status: number
  /** Title of the problem document (RFC 9457 §3.1.3). */
  readonly title: string
  readonly suspicion: Suspicion
}

/** Every reason for which anything is refused, in the order in which the pipeline asks. */
const KINDS = {
  'request-malformed': { status: 400, title: '400 Bad Request - Malformed Request', suspicion: 'none' },
  'body-truncated': { status: 400, title: '400 Bad Request - Body Truncated', suspicion: 'none' },
  'body-too-large': { status: 413, title: '413 Content Too Large', suspicion: 'none' },
  'not-found': { status: 404, title: '404 Not Found', suspicion: 'none' },
  'method-not-allowed': { status: 405, title: '405 Method Not Allowed', suspicion: 'none' },
  'rate-exceeded': { status: 429, title: '429 Too Many Requests', suspicion: 'none' },
  'foreign-site': { status: 403, title: '403 Forbidden - Foreign Site', suspicion: 'none' },

  'signature-missing': {
    status: 401,
    title: '401 Unauthorized - Signature Missing',
    suspicion: 'unsigned',
  },
  'signature-ambiguous': { status: 400, title: '400 Bad Request - Several Signatures', suspicion: 'forged' },
  'signature-malformed': { status: 400, title: '400 Bad Request - Malformed Signature', suspicion: 'forged' },
  'digest-missing': { status: 400, title: '400 Bad Request - Content Digest Missing', suspicion: 'forged' },
  'digest-malformed': {
    status: 400,
    title: '400 Bad Request - Malformed Content Digest',
    suspicion: 'forged',
  },
  'credential-malformed': { status: 403, title: '403 Forbidden - Malformed Credential', suspicion: 'forged' },
  'wrong-gateway': { status: 403, title: '403 Forbidden - Wrong Gateway', suspicion: 'forged' },
  'key-expired': { status: 401, title: '401 Unauthorized - Key Expired', suspicion: 'stale' },
  'key-not-yet-valid': { status: 401, title: '401 Unauthorized - Key Not Yet Valid', suspicion: 'stale' },
  'master-key-unavailable': { status: 503, title: '503 Service Unavailable - Master Key', suspicion: 'none' },
  'digest-mismatch': { status: 403, title: '403 Forbidden - Content Digest Mismatch', suspicion: 'forged' },
  'signature-invalid': { status: 403, title: '403 Forbidden - Invalid Signature', suspicion: 'forged' },
  revoked: { status: 403, title: '403 Forbidden - Revoked', suspicion: 'denied' },
  'caveat-unknown': { status: 403, title: '403 Forbidden - Unknown Caveat', suspicion: 'denied' },
  'credential-incomplete': {
    status: 403,
    title: '403 Forbidden - Incomplete Credential',
    suspicion: 'denied',
  },
  'clock-skewed': { status: 401, title: '401 Unauthorized - Clock Skew', suspicion: 'stale' },
  replayed: { status: 409, title: '409 Conflict - Replayed', suspicion: 'stale' },

  'body-malformed': { status: 400, title: '400 Bad Request - Malformed Body', suspicion: 'none' },
  'body-ambiguous': { status: 400, title: '400 Bad Request - Repeated Key', suspicion: 'none' },
  'identity-suspended': { status: 403, title: '403 Forbidden - Identity Suspended', suspicion: 'none' },
  'network-denied': { status: 403, title: '403 Forbidden - Source Network', suspicion: 'denied' },
  'channel-denied': { status: 403, title: '403 Forbidden - Channel', suspicion: 'none' },
  'identity-denied': { status: 403, title: '403 Forbidden - Client Identity', suspicion: 'denied' },
  'role-denied': { status: 403, title: '403 Forbidden - Role', suspicion: 'none' },
  'scope-denied': { status: 403, title: '403 Forbidden - Scope', suspicion: 'denied' },
  'actuator-unknown': { status: 404, title: '404 Not Found - Unknown Actuator', suspicion: 'none' },
  'setpoint-unknown': { status: 400, title: '400 Bad Request - Unknown Setpoint', suspicion: 'none' },
  'lifetime-exceeded': { status: 400, title: '400 Bad Request - Lifetime Exceeded', suspicion: 'none' },

  'rotation-elsewhere': { status: 409, title: '409 Conflict - Rotated Elsewhere', suspicion: 'none' },
  'approval-needed': { status: 409, title: '409 Conflict - Approval Needed', suspicion: 'none' },
  'select-needed': { status: 409, title: '409 Conflict - Select Needed', suspicion: 'none' },
  tripped: { status: 409, title: '409 Conflict - Tripped', suspicion: 'none' },
  'locked-out': { status: 409, title: '409 Conflict - Locked Out', suspicion: 'none' },
  'position-unknown': { status: 409, title: '409 Conflict - Position Unknown', suspicion: 'none' },
  'too-soon': { status: 429, title: '429 Too Many Requests - Too Soon', suspicion: 'none' },
  'step-too-large': { status: 409, title: '409 Conflict - Step Too Large', suspicion: 'none' },
  'not-locked-out': { status: 409, title: '409 Conflict - Not Locked Out', suspicion: 'none' },
  'alarm-critical': { status: 409, title: '409 Conflict - Critical Alarm', suspicion: 'none' },
  'not-acknowledged': { status: 409, title: '409 Conflict - Not Acknowledged', suspicion: 'none' },
  held: { status: 409, title: '409 Conflict - Held', suspicion: 'none' },
  'interlock-violated': { status: 409, title: '409 Conflict - Interlock', suspicion: 'none' },
  'permissive-missing': { status: 409, title: '409 Conflict - Permissive', suspicion: 'none' },
  'not-tripped': { status: 409, title: '409 Conflict - Not Tripped', suspicion: 'none' },
  'cause-persists': { status: 409, title: '409 Conflict - Cause Persists', suspicion: 'none' },
  'device-uncommissioned': {
    status: 409,
    title: '409 Conflict - Device Not Commissioned',
    suspicion: 'none',
  },
  'device-unguarded': {
    status: 503,
    title: '503 Service Unavailable - Device Watchdog',
    suspicion: 'none',
  },
  'command-in-progress': { status: 409, title: '409 Conflict - Command In Progress', suspicion: 'none' },
  'clock-untrusted': { status: 503, title: '503 Service Unavailable - Clock', suspicion: 'none' },
  'replay-memory-lost': { status: 503, title: '503 Service Unavailable - Replay Memory', suspicion: 'none' },
  'audit-unwritable': { status: 503, title: '503 Service Unavailable - Audit Log', suspicion: 'none' },
  'state-unwritable': { status: 503, title: '503 Service Unavailable - State Directory', suspicion: 'none' },
  stopping: { status: 503, title: '503 Service Unavailable - Stopping', suspicion: 'none' },
  overruled: { status: 409, title: '409 Conflict - Overruled', suspicion: 'none' },
  'trip-failed': { status: 502, title: '502 Bad Gateway - Not In Its Safe State', suspicion: 'none' },
  'device-unreachable': { status: 502, title: '502 Bad Gateway - Device Unreachable', suspicion: 'none' },
  'device-rejected': { status: 502, title: '502 Bad Gateway - Device Rejected', suspicion: 'none' },
  'listener-unusable': { status: 500, title: '500 Internal Server Error - Listener', suspicion: 'none' },
  'internal-error': { status: 500, title: '500 Internal Server Error', suspicion: 'none' },
} as const satisfies Record<string, Kind>

export type RefusalCode = keyof typeof KINDS

/** Every code that there is, in that order. */
export const REFUSAL_CODES = Object.keys(KINDS) as readonly RefusalCode[]

/** A refusal: its reason as a code, what was wrong in words, and what would clear it. Never a secret, never a stack. */
export class Refusal {
  readonly code: RefusalCode
  readonly detail: string
  /** What the reader can do next, in words. */
  readonly remedy: string | undefined
  /** When trying again makes sense, where that is known. */
  readonly retryAfter: Millis | undefined

  constructor(code: RefusalCode, detail: string, remedy?: string, retryAfter?: Millis) {
    this.code = code
    this.detail = detail
    this.remedy = remedy
    this.retryAfter = retryAfter
  }

  get status(): number {
    return KINDS[this.code].status
  }

  get title(): string {
    return KINDS[this.code].title
  }

  get suspicion(): Suspicion {
    return KINDS[this.code].suspicion
  }
}

/** A problem document (RFC 9457) as it goes over the wire; `code` and `remedy` are our extension members. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly remedy?: string
}

/** Writes a refusal as a problem document. */
export function problemOf(refusal: Refusal): Problem {
  return {
    type: `urn:holdfast:problem:${refusal.code}`,
    title: refusal.title,
    status: refusal.status,
    detail: refusal.detail,
    code: refusal.code,
    ...(refusal.remedy === undefined ? {} : { remedy: refusal.remedy }),
  }
}
