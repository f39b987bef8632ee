/**
 * What a role may do.
 * - `read`: see the plant and the agent.
 * - `command`: set an actuator.
 * - `trip`: drive an actuator to its safe state and keep it there.
 * - `acknowledge`: say that a trip was seen.
 * - `reset`: reset a trip.
 * - `lockout`: lock an actuator out against commands away from safe, and end one's own lockout.
 * - `issue`: issue credentials, of roles that may do no more than its own; with `lockout`, end anybody's lockout.
 * - `revoke`: revoke credentials.
 * - `rotate`: rotate the master key.
 */
export const PERMISSIONS = [
  'read',
  'command',
  'trip',
  'acknowledge',
  'reset',
  'lockout',
  'issue',
  'revoke',
  'rotate',
] as const

export type Permission = (typeof PERMISSIONS)[number]

/** The roles that a gateway knows, and what each may do. */
export type Roles = ReadonlyMap<string, readonly Permission[]>

/** The role of the one credential that needs no master key. It is not the configuration's to define. */
export const BREAK_GLASS_ROLE = 'break-glass'

const VIEWER: readonly Permission[] = ['read']
const OPERATOR: readonly Permission[] = [...VIEWER, 'command', 'trip', 'acknowledge']
const ENGINEER: readonly Permission[] = [...OPERATOR, 'reset', 'lockout']

/** The roles where the configuration defines no others, from least to most. */
export const DEFAULT_ROLES: Roles = new Map([
  ['viewer', VIEWER],
  ['operator', OPERATOR],
  ['engineer', ENGINEER],
  ['admin', PERMISSIONS],
])

/** Puts the configuration's roles beside the defaults; one of the same name takes its place. */
export function defineRoles(own: Readonly<Record<string, readonly Permission[]>>): Roles {
  return new Map([...DEFAULT_ROLES, ...Object.entries(own), [BREAK_GLASS_ROLE, ENGINEER]])
}

/** What a credential may do that carries these roles: only what every one of them allows. An unknown role allows nothing. */
export function permissionsOf(roles: Roles, names: readonly string[]): ReadonlySet<Permission> {
  const [first, ...rest] = names.map(name => roles.get(name) ?? [])
  return new Set((first ?? []).filter(permission => rest.every(other => other.includes(permission))))
}
