import type { AlarmName } from '../../model/alarm.ts'
import type { Millis, MonotonicMs } from '../../model/time.ts'

/** So often one alarm is told of whole in one window. */
const WHOLE = 10
/** So often all alarms of one name are, whatever they are about: who can invent what they are about buries nothing. */
const WHOLE_OF_NAME = 100
const WINDOW: Millis = 60_000

/** What was held back in a window that is over. */
export interface HeldBack {
  readonly name: AlarmName
  /** How many raises and ends of the name were not told one by one. */
  readonly count: number
  /** The alarms that something was held back of, by their `alarmKey`: the one that has waited longest first. */
  readonly keys: readonly string[]
}

interface Window {
  readonly began: MonotonicMs
  readonly told: Map<string, number>
  toldOfName: number
  count: number
  readonly held: Set<string>
}

/**
 * Keeps a flood of alarms from burying everything else: each alarm is told of ten times a minute, all of one name a hundred times,
 * and the rest is held back until the minute is over. What stands is in the list all the same.
 */
export class Flood {
  readonly #windows = new Map<AlarmName, Window>()

  /** Whether one more of an alarm is to be told now. If so it is counted as told. */
  admits(name: AlarmName, key: string, now: MonotonicMs): boolean {
    const window = this.#window(name, now)
    const told = window.told.get(key) ?? 0
    if (told >= WHOLE || window.toldOfName >= WHOLE_OF_NAME) return false
    window.told.set(key, told + 1)
    window.toldOfName += 1
    return true
  }

  /** Remembers that something of an alarm was not told. It is counted, unless it was already. */
  hold(name: AlarmName, key: string, now: MonotonicMs, counts: 'counts' | 'counted' = 'counts'): void {
    const window = this.#window(name, now)
    window.held.add(key)
    if (counts === 'counts') window.count += 1
  }

  /** How an alarm is now was told for another reason. */
  release(name: AlarmName, key: string): void {
    this.#windows.get(name)?.held.delete(key)
  }

  /** What was held back in the windows that are over. They are forgotten. */
  ended(now: MonotonicMs): readonly HeldBack[] {
    const over = [...this.#windows].filter(([, { began }]) => now - began >= WINDOW)
    for (const [name] of over) this.#windows.delete(name)
    return over.flatMap(([name, { count, held }]) =>
      count > 0 || held.size > 0 ? [{ name, count, keys: [...held] }] : [],
    )
  }

  #window(name: AlarmName, now: MonotonicMs): Window {
    const known = this.#windows.get(name)
    // A window that is over and held something back stands until that was told.
    if (known && (now - known.began < WINDOW || known.count > 0 || known.held.size > 0)) return known
    const window = {
      began: now,
      told: new Map<string, number>(),
      toldOfName: 0,
      count: 0,
      held: new Set<string>(),
    }
    this.#windows.set(name, window)
    return window
  }
}
