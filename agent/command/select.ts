import type { Actuator } from './actuator.ts'
import { type Authenticator, authenticate } from './authenticate.ts'
import { authorizeCommand } from './authorize.ts'
import { checkPermit, lookAhead, type Permits } from './permit.ts'
import { unlessTooEarly } from './rates.ts'
import type { Received } from './received.ts'
import { Refused, refuse } from './refused.ts'
import type { Selection } from './selections.ts'

/** A selection, or why none is needed: the command may be sent as it is. */
export type Selected =
  | { readonly kind: 'selected'; readonly selection: Selection }
  | { readonly kind: 'not-needed'; readonly detail: string }

/**
 * Selects what a command is going to ask for. It is asked all that the command will be, so that nobody selects what would be
 * refused; but it takes no control, asks nobody to approve, and moves nothing.
 */
export async function select(
  received: Received,
  id: string,
  to: {
    readonly authenticator: Authenticator
    readonly actuators: ReadonlyMap<string, Actuator>
    readonly permits: Permits
  },
): Promise<Selected | Refused> {
  const authenticated = authenticate(received, to.authenticator)
  if (authenticated instanceof Refused) return unlessTooEarly(received, authenticated)
  const authorized = authorizeCommand(authenticated, id, to.actuators)
  if (authorized instanceof Refused) return authorized
  const refusal = (await lookAhead(authorized, to.permits)) ?? checkPermit(authorized, to.permits)
  if (refusal) return new Refused(refusal, authenticated.who)
  const { actuator, target, towardsSafe } = authorized
  if (towardsSafe) return { kind: 'not-needed', detail: `${target.setpoint} is the safe state of ${id}` }
  if (actuator.selectionLasts === undefined) {
    return { kind: 'not-needed', detail: `${id} is commanded without a selection` }
  }
  if (to.permits.controls.isMoving(id)) {
    return refuse(
      'command-in-progress',
      `another command is moving ${id}`,
      'wait for its outcome',
      authenticated.who,
    )
  }
  return { kind: 'selected', selection: to.permits.selections.add(authorized, actuator.selectionLasts) }
}
