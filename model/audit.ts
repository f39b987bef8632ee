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
  | 'log-unproven'
  | 'alarm'
  | 'alarm-cleared'
  | 'alarm-acknowledged'
  | 'alarm-shelved'
  | 'alarm-unshelved'
  | 'alarms-summarised'

/** A record before it has a place in the log: its kind and what happened. Members are flat where they can be. */
export interface AuditEntry {
  readonly kind: AuditKind
  readonly [member: string]: Json | undefined
}

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
