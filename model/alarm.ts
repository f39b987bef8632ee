/**
 * How much an alarm asks of the person on shift.
 * - `critical`: the plant, its commands or the proof of them are at stake: act now.
 * - `warning`: something will be, unless somebody acts today.
 * - `notice`: somebody should look, when there is time.
 */
export type Severity = 'critical' | 'warning' | 'notice'

export interface AlarmForm {
  readonly severity: Severity
  /** The severity that it can rise to, where it gets worse by degrees. */
  readonly worst?: Severity
  /**
   * What ends it. `itself`: the agent sees that what it tells of is over. `acknowledging`: the agent cannot see that, so it
   * latches, and stands until somebody says that they have seen it. `nothing`: it is a record in the audit log and no more.
   */
  readonly ends: 'itself' | 'acknowledging' | 'nothing'
  readonly means: string
  /** What to do, in words. */
  readonly remedy: string
}

/** Every alarm that there is. No other can be raised: that does not compile. */
export const ALARMS = {
  trip: {
    severity: 'critical',
    ends: 'itself',
    means: 'an actuator is being driven to its safe state, or has left it again, or has not reached it',
    remedy: 'look at the plant; then `holdfast acknowledge ACTUATOR`, and `holdfast reset ACTUATOR`',
  },
  'authentication-failures': {
    severity: 'warning',
    ends: 'acknowledging',
    means:
      'requests aimed at an actuator were forged, denied or replayed, and not (yet) so many that it trips',
    remedy:
      'find out what is at the source address: an attack, a wrong clock, or a program with an old credential',
  },
  'identity-suspended': {
    severity: 'warning',
    ends: 'itself',
    means: "somebody's failures have tripped an actuator: their commands away from safe are refused",
    remedy: 'ask them; revoke what was stolen; resetting the actuator lifts it',
  },
  'listener-closed': {
    severity: 'critical',
    ends: 'itself',
    means: "attacks over a listener have used up the day's trips: nobody is let in over it any more",
    remedy: 'find the source; when it is over, `holdfast listener open NAME`',
  },
  'master-key-unavailable': {
    severity: 'critical',
    ends: 'itself',
    means:
      'the master key cannot be used: what was issued goes on working until its epoch ends, nothing after it',
    remedy: 'do what the alarm says; `holdfast tpm status` says more',
  },
  'rotation-due': {
    severity: 'warning',
    ends: 'itself',
    means: 'the newest generation of the master key is older than `credentials.rotation_due`',
    remedy: '`holdfast key rotate`; docs/runbooks/rotate.md',
  },
  'key-not-removed': {
    severity: 'warning',
    ends: 'acknowledging',
    means: "a generation's grace is over and its files could not be removed; nothing accepts it any more",
    remedy: 'look at the disk and the TPM, then remove the files that the alarm names',
  },
  'break-glass': {
    severity: 'critical',
    ends: 'itself',
    means: 'the emergency credential is in use',
    remedy: 'know by whom; when the emergency is over, `holdfast break-glass close`',
  },
  'break-glass-unused': {
    severity: 'critical',
    ends: 'acknowledging',
    means: 'somebody opened the emergency key, and the agent did not take it up',
    remedy: 'ask who did; seal a new one: docs/runbooks/break-glass.md',
  },
  'audit-unwritable': {
    severity: 'critical',
    ends: 'itself',
    means: 'the audit log takes no records: commands away from safe are refused',
    remedy: 'make room or repair the disk; the agent goes on by itself',
  },
  'audit-gap': {
    severity: 'warning',
    ends: 'nothing',
    means:
      'the audit log took no records for a while; it says so itself, with what is missing, once it does again',
    remedy: 'look at the disk; `audit-unwritable` is the alarm that stands meanwhile',
  },
  'audit-log-missing': {
    severity: 'critical',
    ends: 'acknowledging',
    means: 'at its start the agent found no audit log where there should have been one, and began a new one',
    remedy: 'find out who removed it; compare with checkpoints that were kept elsewhere',
  },
  'audit-log-corrupt': {
    severity: 'critical',
    ends: 'acknowledging',
    means: 'at its start the agent found its audit log damaged or cut, moved it aside and began a new one',
    remedy: 'keep the old file; `holdfast audit verify` on a copy of it says what is wrong',
  },
  'audit-not-forwarded': {
    severity: 'warning',
    ends: 'itself',
    means: 'the syslog receiver gets no audit records; they wait in the log',
    remedy: 'look at the receiver, the network and the certificates; nothing is lost',
  },
  'clock-stepped': {
    severity: 'warning',
    ends: 'itself',
    means: 'somebody set the system clock; the agent counts on by itself',
    remedy: 'when the new time is right, `holdfast clock accept`; when not, set it right',
  },
  'clock-behind': {
    severity: 'critical',
    ends: 'itself',
    means: 'the clock says a time that has been already, or disagrees for a day: commands towards safe only',
    remedy: 'set the clock, or when it is right, `holdfast clock accept`',
  },
  'clock-unsynchronised': {
    severity: 'warning',
    ends: 'itself',
    means: 'nothing synchronises the system clock',
    remedy: 'look at chrony or systemd-timesyncd, and at the network to its servers',
  },
  'clock-not-kept': {
    severity: 'warning',
    ends: 'itself',
    means:
      'the latest known time cannot be written down: after a restart the agent would believe an older one',
    remedy: 'make room or repair the disk',
  },
  'clock-forgotten': {
    severity: 'warning',
    ends: 'acknowledging',
    means: 'at its start the agent could not read the latest time that it had known',
    remedy: 'see that the clock is right, and look at the disk',
  },
  'latches-not-kept': {
    severity: 'critical',
    ends: 'itself',
    means: 'what is tripped, suspended or closed cannot be written down and would be forgotten at a restart',
    remedy: 'make room or repair the disk; do not restart the agent before',
  },
  'lockouts-not-kept': {
    severity: 'warning',
    ends: 'acknowledging',
    means: 'lockouts that are over could not be taken out of their file and would be back after a restart',
    remedy: 'make room or repair the disk',
  },
  'alarms-not-kept': {
    severity: 'warning',
    ends: 'itself',
    means: 'alarms cannot be written down, or could not be read at the start: a restart forgets who saw what',
    remedy: 'make room or repair the disk',
  },
  'webhook-undelivered': {
    severity: 'warning',
    ends: 'itself',
    means: 'the webhook does not take alarms: nobody answers, or it refuses them',
    remedy:
      'look at the receiver, the network, its certificate and the secret; the list has every alarm all the same',
  },
  certificate: {
    severity: 'warning',
    ends: 'itself',
    means: 'new certificate files of a listener cannot be used; the old ones go on being used',
    remedy: 'put files there that fit together',
  },
  'certificate-expiring': {
    severity: 'warning',
    worst: 'critical',
    ends: 'itself',
    means: "a listener's certificate expires within `alarms.certificate_expires` (30 and 7 days)",
    remedy: 'renew it and put the new files in place; they are taken up without a restart',
  },
  'failed-authentications': {
    severity: 'warning',
    worst: 'critical',
    ends: 'itself',
    means:
      'more requests of the last hour were forged, denied, stale or replayed than `alarms.failed_authentications` (10 and 50)',
    remedy: '`holdfast audit query --outcome refused` says from where; docs/runbooks/incident.md',
  },
  refusals: {
    severity: 'warning',
    worst: 'critical',
    ends: 'itself',
    means:
      "a greater share of the last hour's requests was refused, for whatever reason, than `alarms.refusals` (5 and 10 %; of 20 requests at least)",
    remedy:
      '`holdfast audit query --outcome refused` says why: a tripped actuator, a program that asks for too much',
  },
  'credential-overused': {
    severity: 'warning',
    worst: 'critical',
    ends: 'itself',
    means:
      'one credential was used more often in a minute than `alarms.requests_per_credential` (300 and 1200)',
    remedy: 'find the program that asks so often, or the thief; a credential can carry a rate',
  },
  'disk-space': {
    severity: 'warning',
    worst: 'critical',
    ends: 'itself',
    means: 'less of the disk of the state directory is free than `alarms.disk_free` (10 and 5 %)',
    remedy: 'make room; `holdfast audit prune` archives old records',
  },
  'audit-queue': {
    severity: 'warning',
    worst: 'critical',
    ends: 'itself',
    means:
      'more records wait for the disk than `alarms.audit_queue` (25 and 75 % of the queue); when it is full, commands away from safe are refused',
    remedy: 'look at the disk (iostat), and at who sends so much',
  },
  'credential-new-address': {
    severity: 'notice',
    ends: 'acknowledging',
    means: "somebody's credential was used from an address that they have not used for 30 days",
    remedy: 'ask them; if it was not them, `holdfast credential revoke`',
  },
  'credential-new-hour': {
    severity: 'notice',
    ends: 'acknowledging',
    means: "somebody's credential was used at a time of day at which they have not used one for 30 days",
    remedy: 'ask them; if it was not them, `holdfast credential revoke`',
  },
  'credential-spike': {
    severity: 'warning',
    ends: 'acknowledging',
    means: "somebody's credentials were suddenly used far more often than in any hour of the last week",
    remedy: 'ask them; if it was not them, `holdfast credential revoke`',
  },
} as const satisfies Readonly<Record<string, AlarmForm>>

export type AlarmName = keyof typeof ALARMS

export const ALARM_NAMES = Object.keys(ALARMS) as readonly AlarmName[]

/** What is known of an alarm of a name. */
export function formOf(name: AlarmName): AlarmForm {
  return ALARMS[name]
}

/** What an alarm is about, and what else there is to say of it. Values are texts, because they become members of records. */
export interface AlarmAbout {
  readonly actuator?: string
  readonly listener?: string
  readonly identity?: string
  /** A credential's serial. */
  readonly credential?: string
  /** Not part of what it is about: why, as a code. */
  readonly cause?: string
  readonly reason?: string
}

/** Raises an alarm. Returns at once and never throws: a trip does not wait for it. */
export type RaiseAlarm = (name: AlarmName, detail: string, about?: AlarmAbout, severity?: Severity) => void

/** Says that what an alarm told of is over. */
export type ClearAlarm = (name: AlarmName, detail?: string, about?: AlarmAbout) => void

/** Tells alarms of one name apart. Two with the same key are one alarm that was raised twice. */
export function alarmKey(name: AlarmName, about: AlarmAbout): string {
  return JSON.stringify([name, about.actuator, about.listener, about.identity, about.credential])
}

const ORDER: readonly Severity[] = ['critical', 'warning', 'notice']

/** Whether one severity asks more than another. */
export function isWorse(one: Severity, other: Severity): boolean {
  return ORDER.indexOf(one) < ORDER.indexOf(other)
}
