import { isThere } from '../../failsafe/feedback.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Clock, MonotonicMs } from '../../model/time.ts'
import type { Actuator } from './actuator.ts'
import type { Authorized } from './authorize.ts'
import { checkPace, type History, type Move, prune, valueIn } from './pace.ts'

/** What an earlier run wrote, as far as its records tell. */
export interface Remembered {
  readonly moves: ReadonlyMap<string, readonly Move[]>
  readonly knownSince: MonotonicMs
}

/**
 * How often and how fast each actuator was moved, and whether it may be again. Only what was written counts, and what may have been.
 * Never asked of a command towards the safe state; that and a trip are remembered all the same.
 */
export class Pacing {
  readonly #clock: Clock
  readonly #knownSince: MonotonicMs
  readonly #histories = new Map<string, History>()
  /** Actuators of which this run knows where they were set, by its own writing or by their feedback. */
  readonly #known = new Set<string>()
  /** Why the feedback of the others could not be read. */
  readonly #unseen = new Map<string, string>()

  constructor(clock: Clock, { moves, knownSince }: Remembered) {
    this.#clock = clock
    this.#knownSince = knownSince
    for (const [id, of] of moves) this.#histories.set(id, { moves: of, knownSince })
  }

  /**
   * Reads where the actuator is, when this run has not set it yet: somebody else may have while nobody looked. Only before a
   * command away from safe, and only where a limit counts from there.
   */
  async look({ actuator, towardsSafe }: Authorized): Promise<void> {
    const { id, pace, driver, feedbackPoint, deviceTimeout } = actuator
    const isLimited = pace.cyclesPerHour !== undefined || pace.rateOfChange !== undefined
    if (towardsSafe || !isLimited || this.#known.has(id)) return
    const reading = await driver.read(feedbackPoint, deviceTimeout)
    if (this.#known.has(id)) return
    if (reading.kind === 'failed') return void this.#unseen.set(id, reading.reason)
    const { safe, domain, tolerance } = actuator
    // Between two positions it may be on its way to safe: that counts as if it were there.
    const isArrived =
      domain.kind === 'range' ||
      [...domain.positions.values()].some(({ feedback }) => isThere(reading.value, feedback, tolerance))
    this.#add(id, {
      value: domain.kind === 'range' ? reading.value : null,
      isSafe: safe !== undefined && (isThere(reading.value, safe.feedback, tolerance) || !isArrived),
      isWritten: false,
      isSure: true,
    })
  }

  /** Asks whether a command comes too soon, or goes too far at once. */
  check({ actuator, target }: Authorized): Refusal | undefined {
    const { id, pace } = actuator
    if (pace.rateOfChange !== undefined && !this.#known.has(id)) {
      return new Refusal(
        'position-unknown',
        `how far ${id} would go cannot be told: its feedback was not read: ${this.#unseen.get(id) ?? 'nobody asked'}`,
        'check the device and the way to it, then send the command again',
      )
    }
    return checkPace(id, pace, this.#of(id), valueIn(target.setpoint), this.#clock.monotonic())
  }

  /** Remembers what a command wrote, or may have written. */
  written({ actuator, target, towardsSafe }: Authorized, isSure: boolean): void {
    const value = valueIn(target.setpoint)
    this.#add(actuator.id, { value, isSafe: towardsSafe, isWritten: true, isSure })
  }

  /** Remembers that a trip has put an actuator into its safe state. One that holds where it is was not moved. */
  tripped({ id, safe }: Pick<Actuator, 'id' | 'safe'>): void {
    if (safe) this.#add(id, { value: valueIn(safe.setpoint), isSafe: true, isWritten: true, isSure: true })
  }

  #of(id: string): History {
    return this.#histories.get(id) ?? { moves: [], knownSince: this.#knownSince }
  }

  #add(id: string, move: Omit<Move, 'at'>): void {
    const now = this.#clock.monotonic()
    const { moves, knownSince } = this.#of(id)
    this.#histories.set(id, prune({ moves: [...moves, { ...move, at: now }], knownSince }, now))
    if (move.isSure) this.#known.add(id)
  }
}
