import type { Driver } from '../drivers/driver.ts'
import type { Target } from '../model/setpoint.ts'
import type { Millis } from '../model/time.ts'

/** What the fail-safe needs to know of an actuator: how to move it to its declared safe state and how to see that it is there. */
export interface GuardedActuator {
  readonly id: string
  readonly driver: Driver
  readonly commandPoint: string
  readonly feedbackPoint: string
  /** Whether the command stays in the device until the next one; a pulse and the call of a method do not. */
  readonly staysCommanded: boolean
  /** Undefined: it holds where it is, and a trip only takes control away. */
  readonly safe: Target | undefined
  /** How far feedback may be from the target, in the feedback point's unit. */
  readonly tolerance: number
  /** How long the actuator takes at most from one end to the other. */
  readonly travelTime: Millis
  /** Deadline of one read or write. */
  readonly deviceTimeout: Millis
  /** How long a request of another device may keep it from its turn: the longest of their deadlines, on a line that they share. */
  readonly turnWithin: Millis
}
