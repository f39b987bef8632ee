import type { AuditKind } from './audit.ts'
import type { AuditMember } from './audit-members.ts'

export interface AuditKindForm {
  /** What happened when there is such a record. */
  readonly means: string
  readonly always: readonly AuditMember[]
  readonly sometimes: readonly AuditMember[]
}

const SIGNED = ['credential', 'nonce', 'created'] as const
const WAY = ['channel', 'source'] as const
/** How a request that is no command ended, once it was not refused. */
const DONE = ['outcome', 'latency_ms'] as const
const APPROVED = ['approved_by', 'approval_credential'] as const
const ALARM_ABOUT = [
  ...(['actuator', 'device', 'reading', 'identity', 'listener', 'credential'] as const),
  ...(['cause', 'reason'] as const),
] as const
/** How somebody's word about an alarm came in, and how it ended. */
const ATTENDED = ['nonce', 'created', ...WAY, 'channel_identity', ...DONE] as const
const TRIP = { always: ['actuator', 'cause', 'detail'], sometimes: [] } as const

/** Every kind of record with its members. That none is missing is checked by the type; that records are so, by a test. */
export const AUDIT_KINDS = {
  'log-created': {
    means: 'the log was begun; it is the first record',
    always: ['environment', 'gateway'],
    sometimes: [
      ...(['lost', 'detail', 'replaces', 'replaces_sha256', 'replaces_wal_sha256'] as const),
      'replaces_checkpoint',
    ],
  },
  enrolled: {
    means: 'the master key was made, or taken from where it is kept',
    always: [
      ...(['by', 'environment', 'gateway', 'master_key', 'generation', 'escrow'] as const),
      ...(['break_glass', 'checkpoint_key'] as const),
    ],
    sometimes: [],
  },
  'agent-started': {
    means: 'a run of the agent began',
    always: ['environment', 'gateway', 'listeners', 'troubles'],
    sometimes: [],
  },
  'agent-stopped': { means: 'it was told to stop', always: [], sometimes: [] },
  approval: {
    means: 'the first of two people asked for something that takes two',
    always: ['action', 'actuator', 'subject', ...SIGNED, ...WAY, 'until'],
    sometimes: ['identity', 'asked'],
  },
  select: {
    means: 'somebody selected what a command is going to ask for',
    always: ['actuator', 'asked', 'subject', ...SIGNED, ...WAY, 'until', ...DONE],
    sometimes: ['identity', 'reason'],
  },
  'command-intent': {
    means: 'a command is about to be written; durable before the device sees a byte',
    always: ['command', 'actuator', 'asked', 'towards_safe', 'subject', ...SIGNED, ...WAY],
    sometimes: ['identity', ...APPROVED, 'reason'],
  },
  'command-outcome': {
    means: 'how that command ended',
    always: ['command', 'actuator', 'asked', 'outcome', 'subject', 'credential', ...WAY, 'latency_ms'],
    sometimes: ['found', 'code', 'detail', 'identity', 'reason'],
  },
  refusal: {
    means: 'a request was refused before anything was written',
    always: ['outcome', 'code', 'status', 'detail', 'method', 'path', ...WAY, 'latency_ms'],
    sometimes: ['identity', 'actuator', 'asked', 'reason', 'subject', ...SIGNED],
  },
  'refusals-summarised': {
    means: 'so many more refusals of one kind came than are recorded one by one',
    always: ['code', 'count', 'first', 'last'],
    sometimes: ['subject', 'source', 'actuator'],
  },
  trip: {
    means: 'an actuator is being driven to its safe state',
    always: TRIP.always,
    // The evidence, where authentication failures are the cause.
    sometimes: ['asked', 'identity', 'count', 'sources', 'first', 'last'],
  },
  'trip-safe': {
    means: 'feedback shows the safe state',
    always: TRIP.always,
    sometimes: ['asked', 'found', 'outcome', 'latency_ms'],
  },
  'trip-failed': {
    means: 'the safe state was not reached in time; it is tried again and again',
    always: TRIP.always,
    sometimes: ['asked', 'latency_ms'],
  },
  'trip-safe-lost': {
    means: 'a tripped actuator left its safe state and is driven back',
    always: TRIP.always,
    sometimes: ['asked'],
  },
  'trip-acknowledged': { means: 'somebody has seen a trip', ...TRIP },
  'interlock-ended': { means: 'what an interlock asks for holds again; nothing moved', ...TRIP },
  reset: {
    means: 'an engineer reset a trip; nothing moved',
    always: ['actuator', 'cause', 'tripped_at', 'subject', ...SIGNED, ...WAY, ...DONE],
    sometimes: ['identity', ...APPROVED, 'reason'],
  },
  'watchdog-expired': {
    means: "a device's watchdog was not fed in time: the device set its outputs to their fallback",
    always: ['device', 'detail'],
    sometimes: [],
  },
  'watchdog-armed': {
    means:
      "a device's fallback was compared with the safe states, and its watchdog set as declared and started; nothing moved",
    always: ['device', 'detail'],
    sometimes: [],
  },
  lockout: {
    means: 'somebody locked an actuator out: commands away from its safe state are refused',
    always: ['actuator', 'subject', ...SIGNED, ...WAY, 'reason', 'until', ...DONE],
    sometimes: ['identity'],
  },
  'lockout-ended': {
    means: 'a lockout ended: its time was over, or somebody ended it',
    always: ['actuator', 'locked_by', 'since', 'until', 'detail'],
    sometimes: ['subject', ...SIGNED, ...WAY, 'identity', 'reason', ...DONE],
  },
  'credential-issued': {
    means: 'a credential was issued',
    always: ['subject', 'role', 'credential', 'keyid', 'lifetime', 'issuer', 'channel', 'outcome'],
    sometimes: ['source', 'identity', 'issuer_credential', 'nonce', 'created', 'latency_ms'],
  },
  revocation: {
    means: 'credentials were revoked',
    always: ['revoked', 'at', 'by', ...WAY, ...DONE],
    sometimes: ['serial', 'subject', 'issuedUntil', 'identity', 'reason', ...SIGNED],
  },
  'key-rotated': {
    means: 'the master key has a new generation',
    always: ['generation', 'key', 'by', 'escrow', 'previous_until', ...DONE],
    sometimes: [...WAY, 'identity', ...SIGNED],
  },
  'key-retired': {
    means: 'the grace of a generation is over and its files are removed',
    always: ['generation'],
    sometimes: [],
  },
  'break-glass-sealed': {
    means: 'a new emergency key was sealed, in place of an older one',
    always: ['by', ...WAY, ...DONE],
    sometimes: ['identity', ...SIGNED],
  },
  'break-glass-opened': {
    means: 'the emergency credential is good from now on: root opened it for this start',
    always: ['until'],
    sometimes: [],
  },
  'break-glass-closed': {
    means: 'the emergency credential is worth nothing from now on',
    always: ['detail'],
    // Of whoever closed it, where it did not end by itself.
    sometimes: ['by', ...WAY, 'identity', ...SIGNED, ...DONE],
  },
  'clock-accepted': {
    means: "the system clock's time was taken for right, in place of the agent's own",
    always: ['before', 'by', ...WAY, ...DONE],
    sometimes: ['identity', ...SIGNED],
  },
  'listener-closed': {
    means: "attacks over a listener have used up the day's trips: nobody is let in over it any more",
    always: ['listener', 'detail'],
    sometimes: [],
  },
  'trip-requested': {
    means: 'somebody tripped an actuator by hand; also where it was tripped already',
    always: ['actuator', ...WAY, ...DONE],
    sometimes: ['identity', 'subject', ...SIGNED, 'reason'],
  },
  acknowledgement: {
    means: 'somebody said that a trip was seen',
    always: ['actuator', ...WAY, ...DONE],
    sometimes: ['identity', 'subject', ...SIGNED, 'reason'],
  },
  'suspension-lifted': {
    means: 'a suspended identity may command again',
    always: ['identity', 'by', ...WAY, ...DONE],
    sometimes: ['channel_identity', 'reason', ...SIGNED],
  },
  'listener-opened': {
    means: 'a closed listener was opened again',
    always: ['listener', 'by', ...WAY, ...DONE],
    sometimes: ['identity', 'reason', ...SIGNED],
  },
  'log-pruned': {
    means: 'old records were archived, and only their hashes stayed',
    always: ['by', 'pruned_to', 'pruned_before', 'root', 'archive', 'archive_sha256'],
    sometimes: [],
  },
  'log-counted': {
    means:
      "the TPM's counter was moved on, at a start or after an hour: all records up to here are bound to it",
    always: ['counter', 'counter_index'],
    sometimes: ['counter_first', 'repeats'],
  },
  'log-rolled-back': {
    means: "the TPM's counter has made counts that the log does not have",
    always: ['counter', 'counter_recorded', 'detail'],
    sometimes: ['repeats'],
  },
  'log-unproven': {
    means:
      'at its start the agent found that no signature of its own vouches for these records as it should; it signs on, and this stays',
    always: ['proven_to', 'unproven_to', 'detail'],
    sometimes: ['repeats'],
  },
  'log-restored': {
    means:
      'somebody said that the log was put back on purpose, from a backup, or is the right one all the same',
    always: ['by', 'reason'],
    sometimes: [],
  },
  alarm: {
    means: 'an alarm was raised, or says something new',
    always: ['alarm', 'detail'],
    sometimes: ['alarm_id', 'severity', ...ALARM_ABOUT, 'since', 'refused', 'dropped'],
  },
  'alarm-cleared': {
    means: 'what an alarm told of is over',
    always: ['alarm', 'alarm_id'],
    sometimes: ['detail', ...ALARM_ABOUT],
  },
  'alarm-acknowledged': {
    means: 'somebody has seen an alarm; one whose end the agent cannot see is over with it',
    always: ['alarm', 'alarm_id', 'detail', 'by'],
    sometimes: [...ALARM_ABOUT, ...ATTENDED],
  },
  'alarm-shelved': {
    means: 'somebody wants to hear nothing of an alarm for a while',
    always: ['alarm', 'alarm_id', 'by', 'until', 'reason'],
    sometimes: [...ALARM_ABOUT, ...ATTENDED],
  },
  'alarm-unshelved': {
    means: 'a shelved alarm is told again: its time was over, or somebody took it off the shelf',
    always: ['alarm', 'alarm_id'],
    sometimes: ['by', 'detail', ...ALARM_ABOUT, ...ATTENDED],
  },
  'alarms-summarised': {
    means: 'so many more alarms of one name were raised and cleared than are recorded one by one',
    always: ['alarm', 'count'],
    sometimes: [],
  },
} as const satisfies Readonly<Record<AuditKind, AuditKindForm>>

const HEADER: ReadonlySet<string> = new Set(['seq', 'boot', 'time', 'mono_ms', 'kind'])

/** Says how a record differs from what the dictionary says of its kind; empty when it does not. */
export function dictionaryFaults(record: { readonly [member: string]: unknown }): string[] {
  const form = Object.entries<AuditKindForm>(AUDIT_KINDS).find(([kind]) => kind === record.kind)?.[1]
  if (form === undefined) return [`there is no kind ${String(record.kind)}`]
  const known: ReadonlySet<string> = new Set([...form.always, ...form.sometimes])
  return [
    ...form.always.filter(name => record[name] === undefined).map(name => `${name} is missing`),
    ...Object.keys(record)
      .filter(name => !HEADER.has(name) && !known.has(name))
      .map(name => `${name} is not a member of ${String(record.kind)}`),
  ]
}
