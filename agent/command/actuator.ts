import type { ReadResult } from '../../drivers/driver.ts'
import type { GuardedActuator } from '../../failsafe/guarded.ts'
import type { Found } from '../../model/outcome.ts'
import { type SetpointDomain, setpointAt } from '../../model/setpoint.ts'
import type { Millis } from '../../model/time.ts'
import type { ApprovalsNeeded } from './approvals.ts'
import type { Pace } from './pace.ts'

/** An actuator as the command path sees it: all that the fail-safe knows of it, and what it can be told. */
export interface Actuator extends GuardedActuator {
  readonly domain: SetpointDomain
  readonly description: string
  /** How many people it takes to set it away from safe, and to reset its trip. */
  readonly approvals: ApprovalsNeeded
  /** How long a selection lasts, where it is selected before it is set away from safe. */
  readonly selectionLasts: Millis | undefined
  /** How often and how fast it may be set away from safe. */
  readonly pace: Pace
  /** Whether repeated authentication failures trip it. */
  readonly tripsOnFailures: boolean
}

/** What a feedback reading says about where the actuator is. */
export function foundOf(actuator: Actuator, reading: ReadResult): Found {
  if (reading.kind === 'failed') return null
  return setpointAt(actuator.domain, reading.value, actuator.tolerance) ?? { between: reading.value }
}
