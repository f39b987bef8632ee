import type { AlarmName } from '../../model/alarm.ts'
import type { Millis, MonotonicMs } from '../../model/time.ts'

/** So many of one name are told whole in one window; the rest are counted. */
const WHOLE = 10
const WINDOW: Millis = 60_000

/** How many alarms of one name came beyond those that were told. */
export interface Surplus {
  readonly name: AlarmName
  readonly count: number
}

/**
 * Keeps a flood of alarms from burying everything else: of each name the first ten a minute are told one by one, the rest
 * are counted, and the count is told when the minute is over. What stands is in the list all the same.
 */
export class Flood {
  readonly #windows = new Map<AlarmName, { readonly began: MonotonicMs; count: number }>()

  /** Counts one. Whether it is to be told by itself. */
  admits(name: AlarmName, now: MonotonicMs): boolean {
    const known = this.#windows.get(name)
    // A window that is over and has a surplus stands until that was told.
    const window =
      known && (now - known.began < WINDOW || known.count > WHOLE) ? known : { began: now, count: 0 }
    this.#windows.set(name, window)
    window.count += 1
    return window.count <= WHOLE
  }

  /** What was not told in the windows that are over. They are forgotten. */
  ended(now: MonotonicMs): readonly Surplus[] {
    const over = [...this.#windows].filter(([, { began }]) => now - began >= WINDOW)
    for (const [name] of over) this.#windows.delete(name)
    return over.flatMap(([name, { count }]) => (count > WHOLE ? [{ name, count: count - WHOLE }] : []))
  }
}
