import { z } from 'zod'
import { BREAK_GLASS_ROLE, defineRoles, PERMISSIONS, type Roles } from '../../model/role.ts'
import { name } from './forms.ts'
import type { Report } from './problem.ts'

export const rolesForm = z
  .record(name, z.array(z.enum(PERMISSIONS, `expected one of ${PERMISSIONS.join(', ')}`)))
  .default({})

/** The roles of this gateway: the defaults, and the configuration's own. */
export function resolveRoles(file: z.output<typeof rolesForm>, report: Report): Roles {
  if (BREAK_GLASS_ROLE in file) {
    report(['roles', BREAK_GLASS_ROLE], 'this role is fixed: it is that of the sealed emergency credential')
  }
  return defineRoles(file)
}
