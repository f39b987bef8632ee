import type { AuditEntry } from '../../model/audit.ts'
import type { Millis, MonotonicMs, UnixMs } from '../../model/time.ts'

/** What makes two refusals alike. */
export interface RefusalKey {
  readonly code: string
  /** Who signed it; absent where nobody did. */
  readonly subject?: string
  /** Address or user that it came from, of what nobody signed: whoever signs may come from many. */
  readonly source?: string
  readonly actuator?: string
}

/** One moment on both clocks: periods are measured on the one that cannot jump, records say the other. */
export interface Moment {
  readonly wall: UnixMs
  readonly monotonic: MonotonicMs
}

export interface RefusalLimits {
  /** How long refusals of one kind are counted together at first; each period in which some came is followed by one twice as long. */
  readonly period: Millis
  readonly periodMax: Millis
  /** So many of one kind are recorded whole in its first period; half as many in one twice as long, and always the first. */
  readonly wholePerKey: number
  /** Most kinds that are told apart at one time; beyond it only the code tells. */
  readonly keys: number
  /** Most records at once and, on top of that, in a day: of all kinds that are told apart, whole ones and summaries. */
  readonly burst: number
  readonly perDay: number
}

const DAY: Millis = 86_400_000

/**
 * Of what nobody signed: about 8000 records a day at most, whoever sends whatever from however many addresses. 6000 are of the
 * burst and the day; what is over is a summary of each code (some twenty) every quarter of an hour.
 */
export const UNSIGNED: RefusalLimits = {
  period: 10_000,
  periodMax: 900_000,
  wholePerKey: 10,
  keys: 256,
  burst: 1000,
  perDay: 5000,
}

/** Of what was signed there is somebody to ask, and to revoke: it never gets slower. At most 100 a second. */
export const SIGNED: RefusalLimits = { ...UNSIGNED, periodMax: 10_000, burst: 100, perDay: 100 * 86_400 }

interface Tally {
  readonly key: RefusalKey
  /** Whether it is of a code alone: it takes what the budget of the others has no room for. */
  readonly isCoarse: boolean
  isNew: boolean
  /** Whether none came in this period, neither here nor where it was counted instead. */
  isQuiet: boolean
  began: MonotonicMs
  period: Millis
  whole: number
  counted: number
  first: UnixMs
  last: UnixMs
}

/**
 * Keeps a flood of refusals from being a flood of records: the first of each kind are recorded whole and the rest
 * counted, ever more of them together while the kind goes on, so that what an attacker sends does not decide how fast the log grows. Nothing
 * is lost but the single request: kind, number, first and last time are in the summary. Pure: records are returned, and
 * time is an argument.
 */
export class RefusalTallies {
  readonly #limits: RefusalLimits
  readonly #tallies = new Map<string, Tally>()
  /** Records that may still be made now. */
  #left = 0
  #leftAt: MonotonicMs = Number.NEGATIVE_INFINITY

  constructor(limits: RefusalLimits) {
    this.#limits = limits
  }

  /** Counts one refusal. True when it is to be recorded whole; else it will be in a summary. */
  count(key: RefusalKey, now: Moment): boolean {
    const { period, wholePerKey } = this.#limits
    const exact = this.#tallyOf(key, now)
    const most = Math.max(1, Math.floor((wholePerKey * period) / exact.period))
    exact.isQuiet = false
    // Half of the budget is kept for the first of each kind.
    if (exact.whole < most && this.#take(now.monotonic, exact.isNew && exact.whole === 0)) {
      exact.whole += 1
      return true
    }
    const hasRoom = exact.isCoarse || exact.counted > 0 || this.#take(now.monotonic, false)
    const tally = hasRoom ? exact : this.#coarse(key.code, now)
    tally.isQuiet = false
    if (tally.counted === 0) tally.first = now.wall
    tally.counted += 1
    tally.last = now.wall
    return false
  }

  /** Takes a record that is made in any case, an alarm about refusals, from the budget of theirs. */
  spend(now: MonotonicMs): void {
    this.#refill(now)
    this.#left -= 1
  }

  /** Summaries of the periods that have ended. To be called about once a second. */
  ended(now: MonotonicMs): AuditEntry[] {
    const entries: AuditEntry[] = []
    for (const [id, tally] of this.#tallies) {
      if (now - tally.began < tally.period) continue
      if (tally.counted > 0) entries.push(summaryOf(tally))
      // Quiet for a whole period: whatever comes later is a new story.
      if (tally.isQuiet) this.#tallies.delete(id)
      tally.period = Math.min(tally.period * 2, this.#limits.periodMax)
      Object.assign(tally, { began: now, isNew: false, isQuiet: true, whole: 0, counted: 0 })
    }
    return entries
  }

  /** Summaries of everything that was counted, for when the agent stops. */
  all(): AuditEntry[] {
    const counted = [...this.#tallies.values()].filter(tally => tally.counted > 0)
    this.#tallies.clear()
    return counted.map(summaryOf)
  }

  /** The tally of this kind, or of its code alone when there are too many kinds. */
  #tallyOf(key: RefusalKey, now: Moment): Tally {
    const { code, subject, source, actuator } = key
    const exact = JSON.stringify([code, subject ?? null, source ?? null, actuator ?? null])
    const known = this.#tallies.get(exact)
    if (known) return known
    if (this.#tallies.size >= this.#limits.keys) return this.#coarse(code, now)
    return this.#begin(exact, { key, isCoarse: false }, now)
  }

  #coarse(code: string, now: Moment): Tally {
    const id = JSON.stringify([code])
    return this.#tallies.get(id) ?? this.#begin(id, { key: { code }, isCoarse: true }, now)
  }

  #begin(id: string, of: Pick<Tally, 'key' | 'isCoarse'>, { wall, monotonic }: Moment): Tally {
    // What is counted by its code alone comes from everywhere: it is not told in a hurry.
    const period = of.isCoarse ? this.#limits.periodMax : this.#limits.period
    const empty = { isNew: true, isQuiet: true, whole: 0, counted: 0, first: wall, last: wall }
    const tally = { ...of, ...empty, began: monotonic, period }
    this.#tallies.set(id, tally)
    return tally
  }

  /** Takes one record from the budget, or from its last half, if there is one. */
  #take(now: MonotonicMs, fromLastHalf: boolean): boolean {
    this.#refill(now)
    if (this.#left < (fromLastHalf ? 1 : this.#limits.burst / 2 + 1)) return false
    this.#left -= 1
    return true
  }

  #refill(now: MonotonicMs): void {
    const { burst, perDay } = this.#limits
    this.#left = Math.min(burst, this.#left + ((now - this.#leftAt) * perDay) / DAY)
    this.#leftAt = now
  }
}

/** `subject`, `source` and `actuator` are absent where too many different ones came to keep them apart. */
function summaryOf({ key, counted, first, last }: Tally): AuditEntry {
  return {
    kind: 'refusals-summarised',
    ...key,
    count: counted,
    first: new Date(first).toISOString(),
    last: new Date(last).toISOString(),
  }
}
