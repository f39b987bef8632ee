import type { ParsedRecord } from '../words.ts'

/** How loudly other systems are to be told of a record. */
export type Severity = 'information' | 'notice' | 'warning' | 'error' | 'critical'

/** Facility 13, log audit (RFC 5424 §6.2.1, table 1). */
export const SYSLOG_FACILITY = 13
/** Severities of RFC 5424 §6.2.1, table 2. */
export const SYSLOG_LEVELS: Readonly<Record<Severity, number>> = {
  information: 6,
  notice: 5,
  warning: 4,
  error: 3,
  critical: 2,
}

/** Kinds that are not `information`. */
const BY_KIND: ReadonlyMap<unknown, Severity> = new Map<unknown, Severity>([
  ['log-created', 'notice'],
  ['log-pruned', 'notice'],
  ['log-restored', 'notice'],
  ['enrolled', 'notice'],
  ['credential-issued', 'notice'],
  ['revocation', 'notice'],
  ['reset', 'notice'],
  ['key-rotated', 'notice'],
  ['key-retired', 'notice'],
  ['clock-accepted', 'notice'],
  ['break-glass-sealed', 'notice'],
  ['break-glass-closed', 'notice'],
  ['listener-opened', 'notice'],
  ['suspension-lifted', 'notice'],
  ['trip-requested', 'notice'],
  ['acknowledgement', 'notice'],
  ['alarm-cleared', 'notice'],
  ['alarm-acknowledged', 'notice'],
  ['alarm-shelved', 'warning'],
  ['alarm-unshelved', 'notice'],
  ['alarms-summarised', 'warning'],
  ['refusal', 'warning'],
  ['refusals-summarised', 'warning'],
  ['alarm', 'error'],
  ['break-glass-opened', 'critical'],
  ['log-rolled-back', 'critical'],
  ['log-unproven', 'critical'],
  ['listener-closed', 'critical'],
  ['trip', 'critical'],
  ['watchdog-expired', 'critical'],
  ['trip-failed', 'critical'],
  ['trip-safe-lost', 'critical'],
])

const BY_OUTCOME: ReadonlyMap<unknown, Severity> = new Map<unknown, Severity>([
  ['refused', 'warning'],
  ['mismatch', 'error'],
  ['unknown', 'error'],
])

/** What an alarm says of itself. */
const OF_ALARM: ReadonlyMap<unknown, Severity> = new Map<unknown, Severity>([
  ['critical', 'critical'],
  ['warning', 'warning'],
  ['notice', 'notice'],
])

export function severityOf({ kind, outcome, lost, severity }: ParsedRecord): Severity {
  if (kind === 'command-outcome') return BY_OUTCOME.get(outcome) ?? 'information'
  if (lost === true) return 'critical'
  const own = kind === 'alarm' ? OF_ALARM.get(severity) : undefined
  return own ?? BY_KIND.get(kind) ?? 'information'
}
