import type { AuditEntry } from '../../model/audit.ts'
import type { Millis, MonotonicMs, UnixMs } from '../../model/time.ts'

/** What makes two refusals alike. */
export interface RefusalKey {
  readonly code: string
  /** Address or user that it came from. */
  readonly source: string
  readonly actuator?: string
}

/** One moment on both clocks: periods are measured on the one that cannot jump, records say the other. */
export interface Moment {
  readonly wall: UnixMs
  readonly monotonic: MonotonicMs
}

export interface RefusalLimits {
  /** How long refusals of one kind are counted together. */
  readonly period: Millis
  /** So many of one kind are recorded whole in each period. */
  readonly wholePerKey: number
  /** Most kinds that are told apart at one time; beyond it only the code tells. */
  readonly keys: number
  /** Most refusals of all kinds that are recorded whole in one second. */
  readonly wholePerSecond: number
}

const LIMITS: RefusalLimits = { period: 10_000, wholePerKey: 10, keys: 256, wholePerSecond: 100 }

interface Tally {
  readonly key: { readonly code: string; readonly source?: string; readonly actuator?: string }
  readonly began: MonotonicMs
  whole: number
  counted: number
  first: UnixMs
  last: UnixMs
}

/**
 * Keeps a flood of refusals from being a flood of records: the first of each kind are recorded whole and the rest
 * counted, so that what an attacker sends does not decide how fast the log grows. Nothing is lost but the single request:
 * kind, number, first and last time are in the summary. Pure: records are returned, and time is an argument.
 */
export class RefusalTallies {
  readonly #limits: RefusalLimits
  readonly #tallies = new Map<string, Tally>()
  #second = { began: Number.NEGATIVE_INFINITY, whole: 0 }

  constructor(limits: Partial<RefusalLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits }
  }

  /** Counts one refusal. True when it is to be recorded whole; else it will be in a summary. */
  count(key: RefusalKey, now: Moment): boolean {
    const tally = this.#tallyOf(key, now)
    if (tally.whole < this.#limits.wholePerKey && this.#hasRoomThisSecond(now.monotonic)) {
      tally.whole += 1
      return true
    }
    if (tally.counted === 0) tally.first = now.wall
    tally.counted += 1
    tally.last = now.wall
    return false
  }

  /** Summaries of the periods that have ended. To be called about once a second. */
  ended(now: MonotonicMs): AuditEntry[] {
    return this.#summarise(tally => now - tally.began >= this.#limits.period)
  }

  /** Summaries of everything that was counted, for when the agent stops. */
  all(): AuditEntry[] {
    return this.#summarise(() => true)
  }

  #summarise(isOver: (tally: Tally) => boolean): AuditEntry[] {
    const entries: AuditEntry[] = []
    for (const [id, tally] of this.#tallies) {
      if (!isOver(tally)) continue
      this.#tallies.delete(id)
      if (tally.counted > 0) entries.push(summaryOf(tally))
    }
    return entries
  }

  /** The tally of this kind, or of its code alone when there are too many kinds. */
  #tallyOf({ code, source, actuator }: RefusalKey, now: Moment): Tally {
    const exact = JSON.stringify([code, source, actuator ?? null])
    const known = this.#tallies.get(exact)
    if (known) return known
    if (this.#tallies.size < this.#limits.keys)
      return this.#begin(exact, actuator === undefined ? { code, source } : { code, source, actuator }, now)
    const coarse = JSON.stringify([code])
    return this.#tallies.get(coarse) ?? this.#begin(coarse, { code }, now)
  }

  #begin(id: string, key: Tally['key'], { wall, monotonic }: Moment): Tally {
    const tally = { key, began: monotonic, whole: 0, counted: 0, first: wall, last: wall }
    this.#tallies.set(id, tally)
    return tally
  }

  #hasRoomThisSecond(now: MonotonicMs): boolean {
    if (now - this.#second.began >= 1000) this.#second = { began: now, whole: 0 }
    if (this.#second.whole >= this.#limits.wholePerSecond) return false
    this.#second.whole += 1
    return true
  }
}

/** `source` and `actuator` are absent where too many different ones came to keep them apart. */
function summaryOf({ key, counted, first, last }: Tally): AuditEntry {
  return {
    kind: 'refusals-summarised',
    ...key,
    count: counted,
    first: new Date(first).toISOString(),
    last: new Date(last).toISOString(),
  }
}
