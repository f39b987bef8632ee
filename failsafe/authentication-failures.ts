import type { Suspicion } from '../model/refusal.ts'
import type { Clock, Millis, MonotonicMs, UnixMs } from '../model/time.ts'
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
    }

interface Evidence {
  bucket: Bucket | undefined
  count: number
  first: UnixMs
  last: UnixMs
  alarmedAt: MonotonicMs
  readonly sources: Set<string>
}

/** How many source addresses are kept for the record: enough to see where it came from, not enough to fill memory. */
const SOURCES_MAX = 8
/** An alarm about the same thing is raised once in this time; the next one says how many there were meanwhile. */
const ALARM_EVERY: Millis = 60_000

/**
 * Counts evidence of attack, not packets. Only what is attributed to an identity counts by itself; what comes from nobody
 * counts only where the engineer chose so for that listener; a replayed signature never counts, because whoever replays
 * it has not shown that they could make one. What does not count raises an alarm instead.
 */
export class AuthenticationFailures {
  readonly #limits: EvidenceLimits
  readonly #clock: Clock
  readonly #evidence = new Map<string, Map<string, Evidence>>()

  constructor(limits: EvidenceLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Weighs one refused request. */
  observe(failure: Failure): Verdict {
    if (failure.suspicion === 'none') return { kind: 'nothing' }
    const { identity, attributed, counts } = attribute(failure)
    const now = this.#clock.monotonic()
    const evidence = this.#add(failure, counts ? identity : `${identity}, not counted`)
    const detail = `${evidence.count} refused requests aimed at ${failure.actuator} by ${identity}, from ${[...evidence.sources].join(', ')}, between ${iso(evidence.first)} and ${iso(evidence.last)}`
    if (counts) {
      const { limit, warn, leakEvery } = this.#limits
      const full = addFailure(evidence.bucket, now, leakEvery)
      // Of an actuator that is tripped already the evidence is kept, up to the limit, for the reset to see.
      evidence.bucket = { ...full, level: Math.min(full.level, limit) }
      if (full.level >= limit && !failure.tripped) {
        this.#evidence.get(failure.actuator)?.delete(identity)
        return { kind: 'trip', identity, attributed, detail }
      }
      if (full.level < warn) return { kind: 'nothing' }
    }
    if (now - evidence.alarmedAt < ALARM_EVERY) return { kind: 'nothing' }
    evidence.alarmedAt = now
    return { kind: 'alarm', detail }
  }

  /** The fullest bucket of an actuator now: the cause is healthy while it is below the warning level. */
  level(actuator: string): number {
    const now = this.#clock.monotonic()
    const levels = [...(this.#evidence.get(actuator)?.values() ?? [])].map(
      ({ bucket }) => leak(bucket, now, this.#limits.leakEvery)?.level ?? 0,
    )
    return Math.max(0, ...levels)
  }

  #add({ actuator, source }: Failure, identity: string): Evidence {
    const now = this.#clock.monotonic()
    const wall = this.#clock.wall()
    const identities = this.#evidence.get(actuator) ?? new Map<string, Evidence>()
    this.#evidence.set(actuator, identities)
    const known = identities.get(identity)
    // What has leaked dry, or has been quiet for long, begins a new story.
    const isOver =
      known && !leak(known.bucket, now, this.#limits.leakEvery) && wall - known.last > ALARM_EVERY
    const evidence =
      known && !isOver
        ? known
        : {
            bucket: undefined,
            count: 0,
            first: wall,
            last: wall,
            alarmedAt: Number.NEGATIVE_INFINITY,
            sources: new Set<string>(),
          }
    evidence.count += 1
    evidence.last = wall
    if (evidence.sources.size < SOURCES_MAX) evidence.sources.add(source)
    identities.set(identity, evidence)
    return evidence
  }
}

/** Whom a failure is put down to, and whether it counts. The kinds of names cannot be taken for each other. */
function attribute(failure: Failure): { identity: string; attributed: boolean; counts: boolean } {
  const { channel, suspicion, holder } = failure
  switch (suspicion) {
    case 'none':
    case 'stale':
      return { identity: `a replayer on listener ${channel.name}`, attributed: false, counts: false }
    case 'denied':
      return { identity: `subject ${holder ?? 'unnamed'}`, attributed: true, counts: true }
    case 'forged':
      return channel.identity
        ? { identity: channel.identity, attributed: true, counts: true }
        : {
            identity: `nobody known on listener ${channel.name}`,
            attributed: false,
            counts: channel.unattributed === 'count',
          }
  }
}

function iso(at: UnixMs): string {
  return new Date(at).toISOString()
}
