/** A length of time in milliseconds. */
export type Millis = number & { readonly __unit?: 'ms' }

/** Wall-clock time: milliseconds since 1970-01-01T00:00:00Z. It can jump. */
export type UnixMs = number & { readonly __unit?: 'unix-ms' }

/** Monotonic time in milliseconds since an arbitrary start. It never goes back and says nothing of the date. */
export type MonotonicMs = number & { readonly __unit?: 'monotonic-ms' }

/**
 * The two clocks and the timer, as one thing that is handed in, so that a test can own time.
 * Wall and monotonic time are two calls because mixing them up is the classic mistake.
 */
export interface Clock {
  wall(): UnixMs
  monotonic(): MonotonicMs
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: Millis, signal?: AbortSignal): Promise<void>
}

/** A timer of the platform runs no longer (24.8 days), and fires at once when it is asked for more. */
export const TIMER_MAX: Millis = 2 ** 31 - 1

/** Cryptographically strong random bytes. */
export type Entropy = (bytes: number) => Uint8Array

const UNITS: Readonly<Record<string, Millis>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads `250ms`, `3s`, `15m`, `24h` or `30d`. Returns undefined for anything else, zero and fractions included. */
export function parseDuration(text: string): Millis | undefined {
  const match = /^([1-9][0-9]{0,8})(ms|s|m|h|d)$/.exec(text)
  if (!match?.[1] || !match[2]) return undefined
  return Number(match[1]) * (UNITS[match[2]] ?? Number.NaN)
}

/** Writes a duration the way a person says it: `1h 30m`, `4.2s`, `80ms`. */
export function formatDuration(ms: Millis): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))}s`
  const minutes = Math.round(ms / 60_000)
  if (minutes < 60) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`
  return `${Math.round(hours / 24)}d`
}
