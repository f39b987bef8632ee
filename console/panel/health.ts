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

/** Whether what the first line says wants somebody now: an alarm that was seen does not. */
export function wantsSomebody({ troubles, actuators, alarms }: StatusView): boolean {
  return (
    troubles.length > 0 ||
    actuators.some(({ phase, position }) => phase !== 'normal' || position === null) ||
    alarms.some(
      ({ severity, state, acknowledged }) => severity === 'critical' && state !== 'shelved' && !acknowledged,
    )
  )
}
