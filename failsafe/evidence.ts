import type { Millis, MonotonicMs } from '../model/time.ts'

/** A leaky bucket of authentication failures: one actuator's, from one identity. It leaks in whole failures. */
export interface Bucket {
  readonly level: number
  /** When it last leaked, or began to fill. */
  readonly leakedAt: MonotonicMs
}

export interface EvidenceLimits {
  /** At this level the identity is suspended and the actuators aimed at go to safe. */
  readonly limit: number
  /** At this level a warning is raised. */
  readonly warn: number
  /** How long it takes for one failure to leak away. */
  readonly leakEvery: Millis
  /** So many trips a day may one identity, or nobody known on one listener, cause. After that it is shut out instead. */
  readonly tripsPerDay: number
}

/** The bucket as it is now: leaked dry it is undefined. */
export function leak(bucket: Bucket | undefined, now: MonotonicMs, leakEvery: Millis): Bucket | undefined {
  if (!bucket) return undefined
  const leaks = Math.floor((now - bucket.leakedAt) / leakEvery)
  const level = bucket.level - leaks
  return level > 0 ? { level, leakedAt: bucket.leakedAt + leaks * leakEvery } : undefined
}

/** Adds one failure. Success does not empty a bucket: only time does, and the trip that it caused. */
export function addFailure(bucket: Bucket | undefined, now: MonotonicMs, leakEvery: Millis): Bucket {
  const left = leak(bucket, now, leakEvery)
  return left ? { level: left.level + 1, leakedAt: left.leakedAt } : { level: 1, leakedAt: now }
}
