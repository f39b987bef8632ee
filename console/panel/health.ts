import { formatDuration } from '../../model/time.ts'
import { describeClock, type StatusView } from '../status-view.ts'

/** One thing about the agent itself. */
export interface HealthLine {
  readonly name: string
  readonly text: string
  readonly isBad: boolean
}

/** What the agent stands on, and what keeps it from carrying out commands. */
export function healthLines(status: StatusView): readonly HealthLine[] {
  const { clock, master_key, audit, break_glass, device_watchdogs, suspended, closed_listeners } = status
  const line = (name: string, text: string, isBad: boolean): HealthLine => ({ name, text, isBad })
  const key = master_key.available
    ? `available (${master_key.source})`
    : `UNAVAILABLE: ${master_key.detail ?? ''} ${master_key.remedy ?? ''}`
  return [
    line('Agent', `up ${formatDuration(status.uptime_ms)}`, false),
    line('Clock', describeClock(clock), clock.state !== 'agreed' || clock.synchronised === false),
    line('Master key', key, !master_key.available),
    line(
      'Audit log',
      audit.unwritable === undefined
        ? `${audit.records} records, ${audit.queue} wait for the disk`
        : `UNWRITABLE: ${audit.unwritable}`,
      audit.unwritable !== undefined,
    ),
    ...Object.entries(device_watchdogs).map(([device, { kind, detail }]) =>
      line(`Watchdog of ${device}`, detail ?? kind, kind !== 'armed'),
    ),
    ...(break_glass.state === 'open' ? [line('Break-glass', `IN USE until ${break_glass.until}`, true)] : []),
    ...Object.entries(suspended).map(([identity, reason]) => line(`Suspended: ${identity}`, reason, true)),
    ...Object.entries(closed_listeners).map(([name, reason]) => line(`Closed: ${name}`, reason, true)),
  ]
}

/** The one line that is read from across the room. */
export function summary({ troubles, master_key }: StatusView): {
  readonly text: string
  readonly isBad: boolean
} {
  if (!master_key.available) return { text: 'NO NEW SIGNATURES CAN BE CHECKED', isBad: true }
  if (troubles.length > 0) return { text: 'TOWARDS SAFE ONLY', isBad: true }
  return { text: 'carrying out commands', isBad: false }
}
