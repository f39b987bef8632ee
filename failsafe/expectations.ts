import type { Target } from '../model/setpoint.ts'
import { isThere } from './feedback.ts'
import type { Reading } from './monitor.ts'

/**
 * Where actuators were last seen to be on somebody's command, and should still be. Nothing is expected of one that is on
 * its way, tripped, or was never commanded by this run of the agent.
 */
export class Expectations {
  readonly #targets = new Map<string, Target>()

  /** It was told to be there and had its time to get there. */
  expect(actuator: string, target: Target): void {
    this.#targets.set(actuator, target)
  }

  /** It is on its way to somewhere else. */
  forget(actuator: string): void {
    this.#targets.delete(actuator)
  }

  /** Where it is expected to be; undefined where nothing is expected. */
  of(actuator: string): Target | undefined {
    return this.#targets.get(actuator)
  }

  /** Whether feedback shows another place, in words. A value of bad quality shows nothing. */
  missed(actuator: string, reading: Reading, tolerance: number): string | undefined {
    const target = this.#targets.get(actuator)
    if (!target || reading.quality === 'bad' || isThere(reading.value, target.feedback, tolerance))
      return undefined
    return `it was set to ${target.setpoint} and its feedback shows ${reading.value}`
  }
}
