import type { ReadResult } from '../../drivers/driver.ts'
import type { Actuator } from '../command/actuator.ts'

/**
 * Feedback for those who look. However many look at once, each actuator is read once: whoever may only look must not be
 * able to keep the device busy. An answer is never older than the asking of the first of them.
 */
export class Readings {
  readonly #underWay = new Map<string, Promise<ReadResult>>()

  read(actuator: Actuator): Promise<ReadResult> {
    const known = this.#underWay.get(actuator.id)
    if (known !== undefined) return known
    const reading = actuator.driver
      .read(actuator.feedbackPoint, actuator.deviceTimeout)
      .finally(() => this.#underWay.delete(actuator.id))
    this.#underWay.set(actuator.id, reading)
    return reading
  }
}
