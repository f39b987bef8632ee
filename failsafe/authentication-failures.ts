import type { Suspicion } from '../model/refusal.ts'
import { type Repetition, repeat } from '../model/repetition.ts'
import type { Clock, Millis, UnixMs } from '../model/time.ts'
import type { TripEvidence } from '../model/trip.ts'
import { addFailure, type Bucket, type EvidenceLimits, leak } from './evidence.ts'

/** A refused request that was aimed at an actuator, as the fail-safe sees it. */
export interface Failure {
  readonly actuator: string
  readonly suspicion: Suspicion
  /** What the listener knows about the sender, where it knows something; and what it does with failures from nobody. */
  readonly channel: {
    readonly name: string
    readonly identity?: string
    readonly unattributed: 'count' | 'alarm'
  }
  /** The credential's subject, once its signature was found right; its serial where it names none. */
  readonly holder?: string
  readonly source: string
  /** Whether failures trip this actuator at all; where not, they raise alarms. */
  readonly trips: boolean
  /** Whether the actuator is tripped already: then there is nothing to trip, and the evidence stays for the reset to see. */
  readonly tripped: boolean
}

/** What a failure amounts to. */
export type Verdict =
  | { readonly kind: 'nothing' }
  /** It never counts, or not yet enough; somebody should look all the same. */
  | { readonly kind: 'alarm'; readonly detail: string }
  | {
      readonly kind: 'trip'
      readonly identity: string
      readonly attributed: boolean
      readonly detail: string
      readonly evidence: TripEvidence
    }
  /** It would have been a trip, and its author has caused enough of them today: shut out whom it came from, move nothing. */
  | {
      readonly kind: 'spent'
      readonly identity: string
      readonly attributed: boolean
      readonly listener: string
      /** Whether anybody is to be told again. */
      readonly isNews: boolean
      readonly detail: string
    }

/** What must survive a restart of the evidence: times are of the wall clock. */
export interface KeptEvidence {
  readonly buckets: readonly {
    readonly actuator: string
    readonly identity: string
    readonly level: number
    readonly leakedAt: UnixMs
    readonly count: number
    readonly first: UnixMs
    readonly last: UnixMs
    readonly sources: readonly string[]
  }[]
  /** When each caused trips. */
  readonly trips: Readonly<Record<string, readonly UnixMs[]>>
}

export const NO_EVIDENCE: KeptEvidence = { buckets: [], trips: {} }

interface Evidence {
  bucket: Bucket | undefined
  count: number
  first: UnixMs
  last: UnixMs
  readonly sources: Set<string>
}

/** How many source addresses are kept for the record: enough to see where it came from, not enough to fill memory. */
const SOURCES_MAX = 8
/** What has been quiet for so long is over, where nothing of it leaks. */
const OVER_AFTER: Millis = 60_000
const DAY: Millis = 86_400_000

/**
 * Counts evidence of attack, not packets. Only what is attributed to an identity counts by itself; what comes from nobody
 * counts only where the engineer chose so for that listener; what is not signed at all never counts, because it is no attempt at a signature; a replayed signature never counts, because whoever replays
 * it has not shown that they could make one. What does not count raises an alarm instead.
 */
export class AuthenticationFailures {
  readonly #limits: EvidenceLimits
  readonly #clock: Clock
  readonly #onChange: () => void
  readonly #evidence = new Map<string, Map<string, Evidence>>()
  readonly #trips = new Map<string, UnixMs[]>()
  /** Of each actuator, when people heard of what: longer than the evidence lasts. */
  readonly #told = new Map<string, Map<string, Repetition>>()

  /** `onChange` hears whenever `kept` has changed. */
  constructor(limits: EvidenceLimits, clock: Clock, onChange: () => void) {
    this.#limits = limits
    this.#clock = clock
    this.#onChange = onChange
  }

  /** Weighs one refused request. */
  observe(failure: Failure): Verdict {
    const author = attribute(failure)
    if (!author) return { kind: 'nothing' }
    const { identity, attributed, counts, what } = author
    const now = this.#clock.monotonic()
    const key = counts ? identity : `${identity}, ${what} and not counted`
    const evidence = this.#add(failure, key)
    const detail = `${evidence.count} ${what} requests aimed at ${failure.actuator} by ${identity}, from ${[...evidence.sources].join(', ')}, between ${iso(evidence.first)} and ${iso(evidence.last)}`
    if (counts) {
      const { limit, warn, leakEvery } = this.#limits
      const full = addFailure(evidence.bucket, now, leakEvery)
      // Of an actuator that is tripped already the evidence is kept, up to the limit, for the reset to see.
      evidence.bucket = { ...full, level: Math.min(full.level, limit) }
      this.#onChange()
      if (full.level >= limit && !failure.tripped && failure.trips) {
        this.#evidence.get(failure.actuator)?.delete(identity)
        return this.#isSpent(attributed ? identity : `listener ${failure.channel.name}`)
          ? {
              kind: 'spent',
              identity,
              attributed,
              listener: failure.channel.name,
              isNews: this.#isNews(failure, key),
              detail,
            }
          : { kind: 'trip', identity, attributed, detail, evidence: evidenceOf(identity, evidence) }
      }
      if (full.level < warn) return { kind: 'nothing' }
    }
    return this.#isNews(failure, key) ? { kind: 'alarm', detail } : { kind: 'nothing' }
  }

  /** The fullest bucket of an actuator now: the cause is healthy while it is below the warning level. */
  level(actuator: string): number {
    const now = this.#clock.monotonic()
    const levels = [...(this.#evidence.get(actuator)?.values() ?? [])].map(
      ({ bucket }) => leak(bucket, now, this.#limits.leakEvery)?.level ?? 0,
    )
    return Math.max(0, ...levels)
  }

  /** What must survive a restart. */
  get kept(): KeptEvidence {
    const { wall, monotonic } = { wall: this.#clock.wall(), monotonic: this.#clock.monotonic() }
    const buckets = [...this.#evidence].flatMap(([actuator, identities]) =>
      [...identities].flatMap(([identity, { bucket, count, first, last, sources }]) => {
        const left = leak(bucket, monotonic, this.#limits.leakEvery)
        if (!left) return []
        const leakedAt = wall - (monotonic - left.leakedAt)
        return { actuator, identity, level: left.level, leakedAt, count, first, last, sources: [...sources] }
      }),
    )
    return { buckets, trips: Object.fromEntries(this.#trips) }
  }

  /** Takes up the evidence of an earlier run; it has leaked meanwhile. */
  restore({ buckets, trips }: KeptEvidence): void {
    const { wall, monotonic } = { wall: this.#clock.wall(), monotonic: this.#clock.monotonic() }
    for (const { actuator, identity, level, leakedAt, sources, ...rest } of buckets) {
      const identities = this.#evidence.get(actuator) ?? new Map<string, Evidence>()
      this.#evidence.set(actuator, identities)
      identities.set(identity, {
        ...rest,
        // Kept by a clock that was ahead: it begins to leak now.
        bucket: { level, leakedAt: monotonic - Math.max(0, wall - leakedAt) },
        sources: new Set(sources),
      })
    }
    for (const [author, times] of Object.entries(trips)) this.#trips.set(author, [...times])
  }

  /** Whether an author's trips of today are used up; counts one more where they are not. */
  #isSpent(author: string): boolean {
    const now = this.#clock.wall()
    const today = (this.#trips.get(author) ?? []).filter(at => now - at < DAY)
    const isSpent = today.length >= this.#limits.tripsPerDay
    this.#trips.set(author, isSpent ? today : [...today, now])
    return isSpent
  }

  /** Whether people are to hear of it again. What an attacker sends, and when, does not decide how often they do. */
  #isNews({ actuator }: Failure, key: string): boolean {
    const told = this.#told.get(actuator) ?? new Map<string, Repetition>()
    this.#told.set(actuator, told)
    const { isDue, after } = repeat(told.get(key), this.#clock.monotonic())
    told.set(key, after)
    return isDue
  }

  #add({ actuator, source }: Failure, identity: string): Evidence {
    const now = this.#clock.monotonic()
    const wall = this.#clock.wall()
    const identities = this.#evidence.get(actuator) ?? new Map<string, Evidence>()
    this.#evidence.set(actuator, identities)
    const known = identities.get(identity)
    // What has leaked dry, or has been quiet for long, begins a new story.
    const isOver = known && !leak(known.bucket, now, this.#limits.leakEvery) && wall - known.last > OVER_AFTER
    const evidence =
      known && !isOver
        ? known
        : {
            bucket: undefined,
            count: 0,
            first: wall,
            last: wall,
            sources: new Set<string>(),
          }
    evidence.count += 1
    evidence.last = wall
    if (evidence.sources.size < SOURCES_MAX) evidence.sources.add(source)
    identities.set(identity, evidence)
    return evidence
  }
}

interface Author {
  readonly identity: string
  readonly attributed: boolean
  readonly counts: boolean
  /** What kind of requests they are, in words. */
  readonly what: 'refused' | 'unsigned'
}

/** Whom a failure is put down to, and whether it counts; undefined where nobody is suspected. The kinds of names cannot be taken for each other. */
function attribute(failure: Failure): Author | undefined {
  const { channel, suspicion, holder } = failure
  const nobody = `nobody known on listener ${channel.name}`
  switch (suspicion) {
    case 'none':
      return undefined
    case 'stale':
      return {
        identity: `a replayer on listener ${channel.name}`,
        attributed: false,
        counts: false,
        what: 'refused',
      }
    case 'unsigned':
      return { identity: channel.identity ?? nobody, attributed: false, counts: false, what: 'unsigned' }
    case 'denied':
      return { identity: `subject ${holder ?? 'unnamed'}`, attributed: true, counts: true, what: 'refused' }
    case 'forged':
      return channel.identity
        ? { identity: channel.identity, attributed: true, counts: true, what: 'refused' }
        : { identity: nobody, attributed: false, counts: channel.unattributed === 'count', what: 'refused' }
  }
}

function evidenceOf(identity: string, { count, sources, first, last }: Evidence): TripEvidence {
  return { identity, count, sources: [...sources], first, last }
}

function iso(at: UnixMs): string {
  return new Date(at).toISOString()
}
