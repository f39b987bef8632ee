import type { Clock, Millis, MonotonicMs } from '../model/time.ts'
import { formatDuration } from '../model/time.ts'

/**
 * The operators' heartbeats: an actuator that is away from its safe state needs somebody who is still there. While it is
 * safe none is asked for.
 */
export class Heartbeats {
  readonly #clock: Clock
  readonly #began: MonotonicMs
  readonly #last = new Map<string, MonotonicMs>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#began = clock.monotonic()
  }

  /** Somebody with the right to command the actuator is there. */
  beat(actuator: string): void {
    this.#last.set(actuator, this.#clock.monotonic())
  }

  /** Whether nobody was there for too long, in words. `isSafe`: then it begins anew with the next look. */
  lost(actuator: string, within: Millis, isSafe: boolean): string | undefined {
    const now = this.#clock.monotonic()
    if (isSafe) {
      this.#last.set(actuator, now)
      return undefined
    }
    const quiet = now - (this.#last.get(actuator) ?? this.#began)
    if (quiet <= within) return undefined
    return `no operator's heartbeat for ${formatDuration(quiet)}, and it takes one every ${formatDuration(within)}`
  }
}
