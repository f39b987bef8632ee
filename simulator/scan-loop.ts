import type { Clock, Millis } from '../model/time.ts'

/**
 * Runs `scan` once for every `cycle` that passes on the clock, until `signal` aborts. The grid is fixed: a late wake-up
 * is made good by scanning the cycles that were missed, so plant time and clock time never drift apart.
 */
export async function runScans(
  clock: Clock,
  cycle: Millis,
  scan: () => void,
  signal: AbortSignal,
): Promise<void> {
  let due = clock.monotonic() + cycle
  while (!signal.aborted) {
    await clock.sleep(Math.max(0, due - clock.monotonic()), signal)
    const now = clock.monotonic()
    for (; due <= now && !signal.aborted; due += cycle) scan()
  }
}
