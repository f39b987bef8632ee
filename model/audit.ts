import type { AUDIT_KINDS } from './audit-kinds.ts'
import type { AuditMember } from './audit-members.ts'
import type { Json } from './json.ts'

/**
 * What the audit log records. A record is canonical JSON (RFC 8785) of a header and the members of its kind;
 * its bytes are a leaf of the log's Merkle tree.
 */
export type AuditKind =
  | 'log-created'
  | 'enrolled'
  | 'agent-started'
  | 'agent-stopped'
  | 'approval'
  | 'select'
  | 'command-intent'
  | 'command-outcome'
  | 'refusal'
  | 'refusals-summarised'
  | 'trip'
  | 'trip-safe'
  | 'trip-failed'
  | 'trip-safe-lost'
  | 'trip-acknowledged'
  | 'interlock-ended'
  | 'reset'
  | 'watchdog-expired'
  | 'watchdog-armed'
  | 'lockout'
  | 'lockout-ended'
  | 'credential-issued'
  | 'revocation'
  | 'key-rotated'
  | 'key-retired'
  | 'break-glass-sealed'
  | 'break-glass-opened'
  | 'break-glass-closed'
  | 'clock-accepted'
  | 'trip-requested'
  | 'acknowledgement'
  | 'suspension-lifted'
  | 'listener-closed'
  | 'listener-opened'
  | 'log-pruned'
  | 'log-counted'
  | 'log-rolled-back'
  | 'log-restored'
  | 'alarm'
  | 'alarm-cleared'
  | 'alarm-acknowledged'
  | 'alarm-shelved'
  | 'alarm-unshelved'
  | 'alarms-summarised'

type Always<Kind extends AuditKind> = (typeof AUDIT_KINDS)[Kind]['always'][number]
type Sometimes<Kind extends AuditKind> = (typeof AUDIT_KINDS)[Kind]['sometimes'][number]

/** An entry of one kind, as the dictionary has it: with each member that is always there, and with none of another kind's. */
export type AuditEntryOf<Kind extends AuditKind> = { readonly kind: Kind } & {
  readonly [Member in Always<Kind>]: Json
} & { readonly [Member in Sometimes<Kind>]?: Json | undefined } & {
  readonly [Member in Exclude<AuditMember, Always<Kind> | Sometimes<Kind>>]?: undefined
}

/** A record before it has a place in the log: its kind and what happened. Members are flat where they can be. */
export type AuditEntry = { [Kind in AuditKind]: AuditEntryOf<Kind> }[AuditKind]

/** What the log adds to an entry. */
export interface AuditHeader {
  /** Place in the log, from 0, without gaps: the leaf index. */
  readonly seq: number
  /** Which run of which program wrote it: random, new at each start. */
  readonly boot: string
  /** Wall clock, RFC 3339 in UTC with milliseconds. */
  readonly time: string
  /** Milliseconds since this boot's start, monotonic. */
  readonly mono_ms: number
}
