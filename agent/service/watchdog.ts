import type { Clock } from '../../model/time.ts'

/**
 * Feeds systemd's watchdog twice as often as it asks (sd_watchdog_enabled(3)), until the signal aborts. A blocked event
 * loop starves it, and so does an agent that cannot carry out commands: `stuck` says why, if that is so. `microseconds` is what
 * systemd put into WATCHDOG_USEC; without it nothing is fed.
 */
export function feedWatchdog(
  microseconds: string | undefined,
  feed: () => Promise<void>,
  stuck: () => string | undefined,
  clock: Clock,
  signal: AbortSignal,
): void {
  const period = Number(microseconds) / 1000
  if (!(period > 0)) return
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      if (stuck() === undefined) await feed()
      await clock.sleep(period / 2, signal)
    }
  }
  void run()
}
