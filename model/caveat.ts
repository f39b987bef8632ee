import type { Setpoint } from './setpoint.ts'

/**
 * A caveat narrows a credential; it never widens one. Whoever holds the credential's secret can append one offline,
 * because each caveat is chained into the key by HMAC. The grammar is closed: what is not listed here denies.
 * docs/CREDENTIAL_FORMAT.md is the same grammar for readers of other languages.
 */
export type Caveat =
  | { readonly kind: 'subject'; readonly subject: string }
  | { readonly kind: 'role'; readonly role: string }
  | { readonly kind: 'actuators'; readonly grants: readonly Grant[] }
  | { readonly kind: 'networks'; readonly networks: readonly string[] }
  | { readonly kind: 'not-before'; readonly seconds: number }
  | { readonly kind: 'not-after'; readonly seconds: number }
  /** The client's certificate: its SHA-256 in lower-case hexadecimal, or the SPIFFE ID in it. */
  | { readonly kind: 'certificate'; readonly sha256: string }
  | { readonly kind: 'spiffe'; readonly id: string }
  /** At most so many requests in any stretch of so many seconds. */
  | { readonly kind: 'rate'; readonly requests: number; readonly seconds: number }

/** One reach of an `act` caveat: actuators whose id matches the pattern, and the setpoints allowed on them. */
export interface Grant {
  /** An actuator id in which `*` stands for any run of characters. */
  readonly pattern: string
  readonly setpoints: SetpointGrant
}

export type SetpointGrant =
  | { readonly kind: 'any' }
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'range'; readonly min: number; readonly max: number }

const SUBJECT = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
const PATTERN = /^[a-z0-9*][a-z0-9*-]{0,62}$/
const NUMBER = '-?(?:0|[1-9][0-9]{0,8})(?:\\.[0-9]{1,6})?'
const RANGE = new RegExp(`^(${NUMBER})\\.\\.(${NUMBER})$`)
const NETWORK = /^(?:local|[0-9A-Fa-f.:]{2,45}\/[0-9]{1,3})$/
const CERTIFICATE = /^[0-9a-f]{64}$/
/** SPIFFE-ID §2: a trust domain and a path, without query, fragment, port or percent-encoding. */
const SPIFFE = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/[A-Za-z0-9._-]+)*$/
const RATE = /^([1-9][0-9]{0,5})\/([1-9][0-9]{0,4})$/
const SECONDS = /^[1-9][0-9]{9,11}$/

/** Reads one caveat from its text (`act=inlet-valve:open|closed`). Returns undefined for anything outside the grammar. */
export function parseCaveat(text: string): Caveat | undefined {
  const equals = text.indexOf('=')
  if (equals < 0) return undefined
  const value = text.slice(equals + 1)
  switch (text.slice(0, equals)) {
    case 'sub':
      return SUBJECT.test(value) ? { kind: 'subject', subject: value } : undefined
    case 'role':
      return NAME.test(value) ? { kind: 'role', role: value } : undefined
    case 'act': {
      const grants = value.split(',').map(parseGrant)
      return grants.every(grant => grant !== undefined) ? { kind: 'actuators', grants } : undefined
    }
    case 'net': {
      const networks = value.split(',')
      return networks.every(network => NETWORK.test(network)) ? { kind: 'networks', networks } : undefined
    }
    case 'nbf':
      return SECONDS.test(value) ? { kind: 'not-before', seconds: Number(value) } : undefined
    case 'exp':
      return SECONDS.test(value) ? { kind: 'not-after', seconds: Number(value) } : undefined
    case 'tls':
      return CERTIFICATE.test(value) ? { kind: 'certificate', sha256: value } : undefined
    case 'spiffe':
      return SPIFFE.test(value) ? { kind: 'spiffe', id: value } : undefined
    case 'rate': {
      const [, requests, seconds] = RATE.exec(value) ?? []
      return requests && seconds
        ? { kind: 'rate', requests: Number(requests), seconds: Number(seconds) }
        : undefined
    }
    default:
      return undefined
  }
}

/** Writes a caveat as the text that is chained into the key. `parseCaveat` reads it back to an equal caveat. */
export function formatCaveat(caveat: Caveat): string {
  switch (caveat.kind) {
    case 'subject':
      return `sub=${caveat.subject}`
    case 'role':
      return `role=${caveat.role}`
    case 'actuators':
      return `act=${caveat.grants.map(formatGrant).join(',')}`
    case 'networks':
      return `net=${caveat.networks.join(',')}`
    case 'not-before':
      return `nbf=${caveat.seconds}`
    case 'not-after':
      return `exp=${caveat.seconds}`
    case 'certificate':
      return `tls=${caveat.sha256}`
    case 'spiffe':
      return `spiffe=${caveat.id}`
    case 'rate':
      return `rate=${caveat.requests}/${caveat.seconds}`
  }
}

/** Reads one grant: `inlet-valve`, `pump-*`, `inlet-valve:open|closed`, `damper:0..50`. */
export function parseGrant(text: string): Grant | undefined {
  const [pattern, setpoints, ...rest] = text.split(':')
  if (!pattern || !PATTERN.test(pattern) || rest.length > 0) return undefined
  if (setpoints === undefined) return { pattern, setpoints: { kind: 'any' } }
  const range = RANGE.exec(setpoints)
  if (range) {
    const [min, max] = [Number(range[1]), Number(range[2])]
    return min <= max ? { pattern, setpoints: { kind: 'range', min, max } } : undefined
  }
  const names = setpoints.split('|')
  return names.every(name => NAME.test(name)) ? { pattern, setpoints: { kind: 'names', names } } : undefined
}

function formatGrant({ pattern, setpoints }: Grant): string {
  switch (setpoints.kind) {
    case 'any':
      return pattern
    case 'names':
      return `${pattern}:${setpoints.names.join('|')}`
    case 'range':
      return `${pattern}:${setpoints.min}..${setpoints.max}`
  }
}

/** Whether a grant's pattern covers an actuator id. */
export function coversActuator(grant: Grant, actuator: string): boolean {
  const parts = grant.pattern.split('*')
  const [head, tail] = [parts[0] ?? '', parts.at(-1) ?? '']
  if (parts.length === 1) return grant.pattern === actuator
  if (actuator.length < head.length + tail.length) return false
  if (!actuator.startsWith(head) || !actuator.endsWith(tail)) return false
  // What stands between head and tail must contain the middle parts in order; leftmost match is enough for `*`.
  const end = actuator.length - tail.length
  let at = head.length
  for (const part of parts.slice(1, -1)) {
    const found = actuator.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

/** Whether a grant allows a setpoint on the actuators that it covers. */
export function allowsSetpoint(grant: Grant, setpoint: Setpoint): boolean {
  switch (grant.setpoints.kind) {
    case 'any':
      return true
    case 'names':
      return typeof setpoint === 'string' && grant.setpoints.names.includes(setpoint)
    case 'range':
      return (
        typeof setpoint === 'number' && setpoint >= grant.setpoints.min && setpoint <= grant.setpoints.max
      )
  }
}
