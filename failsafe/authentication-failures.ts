import type { Suspicion } from '../model/refusal.ts'
import type { Clock, UnixMs } from '../model/time.ts'
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
  /** The credential's subject, once its signature was found right. */
  readonly subject?: string
  readonly source: string
}

/** What a failure amounts to. */
export type Verdict =
  | { readonly kind: 'not-counted'; readonly why: string }
  | { readonly kind: 'counted'; readonly level: number }
  | { readonly kind: 'warning'; readonly level: number; readonly detail: string }
  | {
      readonly kind: 'trip'
      readonly identity: string
      readonly attributed: boolean
      readonly detail: string
    }

interface Evidence {
  bucket: Bucket
  count: number
  first: UnixMs
  last: UnixMs
  readonly sources: Set<string>
}

/** How many source addresses are kept for the record: enough to see where it came from, not enough to fill memory. */
const SOURCES_MAX = 8

/**
 * Counts evidence of attack, not packets. Only what is attributed to an identity counts by itself; what comes from nobody
 * counts only where the engineer chose so for that listener; a replayed signature never counts, because whoever replays
 * it has not shown that they could make one.
 */
export class AuthenticationFailures {
  readonly #limits: EvidenceLimits
  readonly #clock: Clock
  readonly #evidence = new Map<string, Map<string, Evidence>>()

  constructor(limits: EvidenceLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  observe(failure: Failure): Verdict {
    const who = attribute(failure)
    if ('why' in who) return { kind: 'not-counted', why: who.why }
    const evidence = this.#add(failure, who.identity)
    const { level } = evidence.bucket
    const detail = `${evidence.count} failed authentications aimed at ${failure.actuator} by ${who.identity}, from ${[...evidence.sources].join(', ')}, between ${iso(evidence.first)} and ${iso(evidence.last)}`
    if (level >= this.#limits.limit) {
      // The trip consumes its evidence: what comes after it is a reason to refuse the reset.
      this.#evidence.get(failure.actuator)?.delete(who.identity)
      return { kind: 'trip', identity: who.identity, attributed: who.attributed, detail }
    }
    if (level === this.#limits.warn) return { kind: 'warning', level, detail }
    return { kind: 'counted', level }
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
    const bucket = addFailure(known?.bucket, now, this.#limits.leakEvery)
    // A bucket that had leaked dry begins a new story.
    const evidence =
      known && bucket.level > 1
        ? known
        : { bucket, count: 0, first: wall, last: wall, sources: new Set<string>() }
    evidence.bucket = bucket
    evidence.count += 1
    evidence.last = wall
    if (evidence.sources.size < SOURCES_MAX) evidence.sources.add(source)
    identities.set(identity, evidence)
    return evidence
  }
}

function attribute(failure: Failure): { identity: string; attributed: boolean } | { why: string } {
  switch (failure.suspicion) {
    case 'none':
      return { why: 'says nothing about intent' }
    case 'stale':
      return { why: 'a right signature seen before or out of date: whoever sent it need not have made it' }
    case 'denied':
      return { identity: failure.subject ?? failure.channel.name, attributed: true }
    case 'forged':
      if (failure.channel.identity) return { identity: failure.channel.identity, attributed: true }
      return failure.channel.unattributed === 'count'
        ? { identity: `nobody known on ${failure.channel.name}`, attributed: false }
        : { why: 'unattributed, and this listener alarms only' }
  }
}

function iso(at: UnixMs): string {
  return new Date(at).toISOString()
}
