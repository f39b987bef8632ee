import { ROLES } from '../model/role.ts'
import { EXIT } from './exit.ts'
import type { Surroundings } from './session.ts'

/** `holdfast roles` */
export function showRoles(options: { json?: boolean }, { out }: Surroundings): number {
  if (options.json) out(`${JSON.stringify(Object.fromEntries(ROLES))}\n`)
  else for (const [role, permissions] of ROLES) out(`${role.padEnd(9)} ${permissions.join(', ')}\n`)
  return EXIT.done
}
