import { type Caveat, coversActuator } from '../../model/caveat.ts'
import type { Json } from '../../model/json.ts'
import { type Permission, permissionsOf, type Roles } from '../../model/role.ts'
import type { Holder } from './credential-text.ts'

/**
 * What a credential reaches, as far as the page can tell: so that nobody finds out in an emergency that a button is not theirs. The
 * agent decides, and is asked all the same where the page cannot tell.
 */
export class Reach {
  readonly #holder: Holder
  /** Undefined until the agent has told what the roles may do. */
  readonly #may: ReadonlySet<Permission> | undefined

  constructor(holder: Holder, roles?: Roles) {
    this.#holder = holder
    this.#may = roles && permissionsOf(roles, holder.roles)
  }

  /** Why the holder cannot do something, in words; undefined when nothing is known against it. */
  denial(permission: Permission, actuator?: string): string | undefined {
    const { roles, caveats } = this.#holder
    if (this.#may && !this.#may.has(permission))
      return `the role ${roles.join(' and ')} may not ${permission}`
    const isOutside = actuator !== undefined && caveats.some(caveat => leavesOut(caveat, actuator))
    return isOutside ? `your credential does not reach ${actuator}` : undefined
  }
}

/** Reads the answer of `GET /v1/roles`; undefined when it is something else. */
export function readRoles(body: Json): Roles | undefined {
  const { roles } = body as {
    readonly roles?: readonly { readonly role: string; readonly may: readonly Permission[] }[]
  }
  return Array.isArray(roles) ? new Map(roles.map(({ role, may }) => [role, may])) : undefined
}

function leavesOut(caveat: Caveat, actuator: string): boolean {
  return caveat.kind === 'actuators' && !caveat.grants.some(grant => coversActuator(grant, actuator))
}
