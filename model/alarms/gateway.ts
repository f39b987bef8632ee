import type { AlarmForm } from '../alarm-form.ts'

const DISK = 'make room or repair the disk'

/** Alarms about the gateway itself: its audit log, its clock, its disk, and what tells others. */
export const GATEWAY_ALARMS = {
  'audit-unwritable': {
    severity: 'critical',
    within: 'minutes',
    ends: 'itself',
    cause: 'the audit log takes no records: the disk is full or fails, or something else writes there',
    consequence: 'commands away from safe are refused; what is tripped stays so',
    remedy: `${DISK}; the agent goes on by itself`,
  },
  'audit-unreadable': {
    severity: 'warning',
    within: 'days',
    ends: 'acknowledging',
    cause: 'old records of the audit log cannot be read: a part of its file is damaged, or the disk fails',
    consequence:
      'new records are written as before; what was asked is not answered, and what is sent to another host leaves those records out (`audit-sent-with-gap`)',
    remedy: 'keep a copy of the file, `holdfast audit verify` on it, look at the disk: dmesg, smartctl',
  },
  'audit-gap': {
    severity: 'warning',
    within: 'days',
    ends: 'nothing',
    cause: 'the audit log took no records for a while; it says so itself once it does again',
    consequence: 'what the record counts is missing from the proof',
    remedy: 'look at the disk; `audit-unwritable` is the alarm that stands meanwhile',
  },
  'audit-log-missing': {
    severity: 'critical',
    within: 'hours',
    ends: 'acknowledging',
    cause: 'at its start the agent found no audit log where there should have been one, and began a new one',
    consequence: 'what was done before can be proved only from copies',
    remedy: 'find out who removed it; compare with checkpoints that were kept elsewhere',
  },
  'audit-log-corrupt': {
    severity: 'critical',
    within: 'hours',
    ends: 'acknowledging',
    cause: 'at its start the agent found its audit log damaged or cut, moved it aside and began a new one',
    consequence: 'what was done before can be proved only as far as the old file verifies',
    remedy: 'keep the old file; `holdfast audit verify` on a copy of it says what is wrong',
  },
  'audit-log-unproven': {
    severity: 'critical',
    within: 'hours',
    ends: 'acknowledging',
    cause:
      'at its start the agent found an audit log that its own signatures do not vouch for as they should: the checkpoint kept beside it is gone or forged, or the end is unsigned',
    consequence:
      'records may have been changed, added or cut off; the agent signs on, a record says from where to where, and `holdfast audit verify` ends with 4',
    remedy:
      'copy the state directory, compare with a checkpoint that was kept elsewhere, and find out whether the master key was away or replaced; when you answer for it, `holdfast audit restored`',
  },
  'audit-checkpoint-unkept': {
    severity: 'warning',
    within: 'hours',
    ends: 'itself',
    cause: 'the newest signed checkpoint cannot be written beside the audit log',
    consequence: 'what somebody changes in the log from then on is found later, or only by others',
    remedy: DISK,
  },
  'audit-counter-moved': {
    severity: 'warning',
    within: 'hours',
    ends: 'acknowledging',
    cause: "something else than this agent moved the TPM's counter of the audit log while the agent ran",
    consequence:
      'no record is missing, as this run has the whole log; before a start it would look like a roll-back',
    remedy: 'find out who may use the TPM: the group tss should have nobody but the agent in it',
  },
  'audit-log-rolled-back': {
    severity: 'critical',
    within: 'hours',
    ends: 'itself',
    cause:
      "the TPM's counter has made counts that the audit log does not have: log and checkpoints were put back to an earlier state, or something else moved the counter while the agent was stopped",
    consequence:
      'of the first, records are missing; commands away from safe wait ten minutes, as their replays cannot be told',
    remedy:
      'keep a copy of the state directory and call security. Which of the two it was says `holdfast audit verify` with `--checkpoint` and the newest checkpoint from before, out of the journal or the syslog receiver: `TAMPERED`, records are missing; intact, something else moved the counter. When it was a restore on purpose, or only the counter, stop the agent and say so with `holdfast audit restored`',
  },
  'audit-counter-lost': {
    severity: 'warning',
    within: 'days',
    ends: 'acknowledging',
    cause: "the TPM's counter is gone, or behind the audit log: the TPM was cleared or replaced",
    consequence: 'whether the log was rolled back before then cannot be told; it is bound to the new counter',
    remedy:
      'find out who cleared or replaced the TPM; compare the log with a checkpoint that was kept elsewhere',
  },
  'audit-counter-unavailable': {
    severity: 'notice',
    within: 'days',
    ends: 'itself',
    cause: "the TPM's counter cannot be asked or moved",
    consequence: 'meanwhile a log that was rolled back is not found at the start; nothing else is held up',
    remedy: 'the alarm says why; `holdfast tpm status` shows more',
  },
  'audit-not-forwarded': {
    severity: 'warning',
    within: 'hours',
    ends: 'itself',
    cause: 'the syslog receiver gets no audit records',
    consequence: 'they wait in the log and none is lost, but whoever watches there sees nothing',
    remedy: 'look at the receiver, the network and the certificates',
  },
  'audit-sent-with-gap': {
    severity: 'warning',
    within: 'days',
    ends: 'acknowledging',
    cause:
      'records of the audit log stayed unreadable for half a minute and those behind them did not: the file is damaged there; they were passed over on the way to the syslog receiver',
    consequence:
      'the receiver has a message `gap` with their numbers in their place, and all that came after; they themselves never left this host',
    remedy:
      'they may be in a backup: copy the log, `holdfast audit verify` on it, look at the disk: dmesg, smartctl',
  },
  'audit-not-journaled': {
    severity: 'notice',
    within: 'days',
    ends: 'itself',
    cause: "systemd's journal gets no audit records",
    consequence: 'they wait in the log and none is lost, but journalctl does not show them',
    remedy: 'look at systemd-journald; where there is none, set `audit.journal: off`',
  },
  'audit-queue': {
    severity: 'warning',
    worst: 'critical',
    within: 'minutes',
    ends: 'itself',
    cause: 'more records wait for the disk than `alarms.audit_queue` (25 and 75 % of the queue)',
    consequence:
      'when three quarters of it are taken, commands away from safe are refused; the rest is for what the agent itself records, a trip above all',
    remedy: 'look at the disk (iostat), and at who sends so much',
  },
  'disk-space': {
    severity: 'warning',
    worst: 'critical',
    within: 'hours',
    ends: 'itself',
    cause: 'less of the disk of the state directory is free than `alarms.disk_free` (10 and 5 %)',
    consequence: 'when it is full, the audit log takes no records and commands away from safe are refused',
    remedy:
      'make room for the state directory. `holdfast audit prune`, with the agent stopped, lets new records take the room of old ones; the file gets no smaller',
  },
  'clock-stepped': {
    severity: 'warning',
    within: 'hours',
    ends: 'itself',
    cause: 'somebody set the system clock; the agent counts on by itself',
    consequence: 'after a day of disagreement, commands away from safe are refused',
    remedy: 'when the new time is right, `holdfast clock accept`; when not, set it right',
  },
  'clock-behind': {
    severity: 'critical',
    within: 'hours',
    ends: 'itself',
    cause: 'the clock says a time that has been already, or has disagreed for a day',
    consequence: 'commands away from safe are refused',
    remedy: 'set the clock, or when it is right, `holdfast clock accept`',
  },
  'clock-unsynchronised': {
    severity: 'warning',
    within: 'days',
    ends: 'itself',
    cause: 'nothing synchronises the system clock',
    consequence: "it drifts: after some days other people's signatures are too old or too new",
    remedy: 'look at chrony or systemd-timesyncd, and at the network to its servers',
  },
  'clock-not-kept': {
    severity: 'warning',
    within: 'hours',
    ends: 'itself',
    cause: 'the latest known time cannot be written down',
    consequence: 'after a restart the agent would believe an older one',
    remedy: DISK,
  },
  'clock-forgotten': {
    severity: 'warning',
    within: 'hours',
    ends: 'acknowledging',
    cause: 'at its start the agent could not read the latest time that it had known',
    consequence: 'a clock that was set back would be believed, and old credentials with it',
    remedy: 'see that the clock is right, and look at the disk',
  },
  'latches-not-kept': {
    severity: 'critical',
    within: 'hours',
    ends: 'itself',
    cause: 'what is tripped, suspended or closed cannot be written down',
    consequence: 'a restart would forget it, and let go what is held',
    remedy: `${DISK}; do not restart the agent before`,
  },
  'lockouts-not-kept': {
    severity: 'warning',
    within: 'days',
    ends: 'acknowledging',
    cause: 'lockouts that are over could not be taken out of their file',
    consequence: 'they would be back after a restart',
    remedy: DISK,
  },
  'alarms-not-kept': {
    severity: 'warning',
    within: 'hours',
    ends: 'itself',
    cause: 'alarms cannot be written down, or could not be read at the start',
    consequence: 'a restart forgets who saw what',
    remedy: DISK,
  },
  'webhook-undelivered': {
    severity: 'warning',
    within: 'hours',
    ends: 'itself',
    cause: 'the webhook does not take alarms: nobody answers, or it refuses them',
    consequence: 'whoever is told by it hears nothing; the list has every alarm all the same',
    remedy: 'look at the receiver, the network, its certificate and the secret',
  },
  certificate: {
    severity: 'warning',
    within: 'days',
    ends: 'itself',
    cause: 'new certificate files of a listener cannot be used; the old ones go on being used',
    consequence: 'when the old certificate expires, nobody connects any more',
    remedy: 'put files there that fit together',
  },
  'certificate-expiring': {
    severity: 'warning',
    worst: 'critical',
    within: 'days',
    ends: 'itself',
    cause:
      "a listener's certificate, or of the connection to the syslog receiver ours or its authority's, expires within `alarms.certificate_expires` (30 and 7 days), or its file cannot be read any more",
    consequence:
      'when it has, nobody connects over that listener any more, or no audit record reaches the receiver',
    remedy:
      'renew the one that the alarm names and put the new files in place; they are taken up without a restart',
  },
  'device-certificate-expiring': {
    severity: 'warning',
    worst: 'critical',
    within: 'days',
    ends: 'itself',
    cause:
      "a certificate of the connection to an OPC UA server (its own, ours, or the user's) or to a Modbus/TCP Security device (its own as it was last shown, ours, or its authority's) expires within `alarms.certificate_expires` (30 and 7 days), or a file of ours cannot be read any more",
    consequence: 'when it has, the device cannot be reached any more',
    remedy:
      "renew the one that the alarm names, and put new files in place of ours, the user's and the authority's: they are taken up with the next connection, and the device must trust them. A server's: once it has a new one, with `holdfast device trust`. A Modbus device's: in the device; the alarm ends with the next connection",
  },
} as const satisfies Readonly<Record<string, AlarmForm>>
