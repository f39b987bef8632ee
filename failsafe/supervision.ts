import type { Target } from '../model/setpoint.ts'
import type { Expectations } from './expectations.ts'
import type { Heartbeats } from './heartbeats.ts'
import type { Holds } from './holds.ts'

/** What the fail-safe learns from commands: who is there, where an actuator should be, and when it came to be safe. */
export class Supervision {
  readonly #heartbeats: Heartbeats
  readonly #expectations: Expectations
  readonly #holds: Holds

  constructor(heartbeats: Heartbeats, expectations: Expectations, holds: Holds) {
    this.#heartbeats = heartbeats
    this.#expectations = expectations
    this.#holds = holds
  }

  /** A command is about to move an actuator. */
  moving(actuator: string): void {
    this.#heartbeats.beat(actuator)
    this.#expectations.forget(actuator)
  }

  /** The travel time of a command is over: the actuator is at the target, or it should be. */
  moved(actuator: string, target: Target, towardsSafe: boolean): void {
    this.#expectations.expect(actuator, target)
    if (towardsSafe) this.#holds.begin(actuator)
  }

  /** A trip has taken control. */
  tripped(actuator: string): void {
    this.#expectations.forget(actuator)
    this.#holds.begin(actuator)
  }
}
