/** What a role may do: look, command, reset a trip, and issue and revoke credentials and rotate keys. */
export type Permission = 'read' | 'command' | 'reset' | 'issue'

const VIEWER: readonly Permission[] = ['read']
const OPERATOR: readonly Permission[] = [...VIEWER, 'command']
const ENGINEER: readonly Permission[] = [...OPERATOR, 'reset']
const ADMIN: readonly Permission[] = [...ENGINEER, 'issue']

/** The roles, from least to most. */
export const ROLES: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['viewer', VIEWER],
  ['operator', OPERATOR],
  ['engineer', ENGINEER],
  ['admin', ADMIN],
])

/** What a credential may do that carries these roles: only what every one of them allows. An unknown role allows nothing. */
export function permissionsOf(roles: readonly string[]): ReadonlySet<Permission> {
  const [first, ...rest] = roles.map(role => ROLES.get(role) ?? [])
  return new Set((first ?? []).filter(permission => rest.every(other => other.includes(permission))))
}
