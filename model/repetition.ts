import type { Millis, MonotonicMs } from './time.ts'

/** How often something that goes on was told, and when it will be again. */
export interface Repetition {
  readonly told: MonotonicMs
  readonly seen: MonotonicMs
  /** From the last time it was told to the next. */
  readonly wait: Millis
}

const FIRST_WAIT: Millis = 60_000
/** The longest wait; and what has been quiet for so long begins anew. */
const LONGEST: Millis = 2 * 3_600_000

/**
 * Whether something that has happened again is to be told: at once when it is new, and then after one minute, two, four, and so on
 * up to two hours. Whoever makes it happen does not decide how often people and the log hear of it: at most some fifty times a
 * day, however they time it. A pure function.
 */
export function repeat(
  before: Repetition | undefined,
  now: MonotonicMs,
): { readonly isDue: boolean; readonly after: Repetition } {
  if (before === undefined || now - before.seen >= LONGEST)
    return { isDue: true, after: { told: now, seen: now, wait: FIRST_WAIT } }
  const isDue = now - before.told >= before.wait
  if (!isDue) return { isDue, after: { ...before, seen: now } }
  return { isDue, after: { told: now, seen: now, wait: Math.min(2 * before.wait, LONGEST) } }
}
