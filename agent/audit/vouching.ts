import type Database from 'better-sqlite3'
import { parseCheckpoint, RECORDS_PER_CHECKPOINT } from './checkpoint.ts'
import type { KeptCheckpoint } from './kept-checkpoint.ts'
import { Frontier, leafHash, sameHash } from './merkle.ts'
import { isSignedBy, type NoteVerifier } from './note.ts'
import type { Readable } from './schema.ts'
import type { FoundRecord } from './search.ts'
import { leavesFrom, type SizedNote, type Tail } from './tail.ts'
import { parseRecord } from './words.ts'

/** What the keys of a run say of the log that it found, before they sign anything on top of it. */
export interface Vouched {
  /** Records that a signature covered when the log was opened. */
  readonly upTo: number
  /** Records that the log had then. Those in between somebody else may have written; those after it are of this run. */
  readonly size: number
  /** Why what was found must not be signed as if nothing were the matter, in words. */
  readonly doubt: string | undefined
}

/**
 * Longest time between the first and the last record of one run that an end at the wrong moment leaves unsigned. Twice the longest
 * time that a record waits for a checkpoint: disks are slow.
 */
const UNSIGNED_MS_MAX = 120_000
/** Kinds that are never left unsigned: what they say is believed. */
const ALWAYS_SIGNED: ReadonlySet<unknown> = new Set(['log-pruned', 'log-restored'])

/** Says how far signatures of these keys cover a log that was just opened, and what speaks against signing on. */
export function vouchFor(
  database: Database.Database,
  { frontier: { size }, notes }: Pick<Tail, 'frontier' | 'notes'>,
  kept: KeptCheckpoint | undefined,
  keys: readonly NoteVerifier[],
): Vouched {
  const isOurs = ({ note }: { readonly note: string }) => isOwn(note, keys)
  const ours = notes.findLast(isOurs)?.size ?? 0
  if (kept === undefined || kept.kind === 'waived' || size === 0)
    return { upTo: ours, size, doubt: undefined }
  const isKeptOurs = kept.kind === 'note' && isOurs(kept)
  // Without a kept one, the records that a note in the log covers are at least those of some moment.
  const upTo = Math.max(ours, isKeptOurs ? (parseCheckpoint(kept.note)?.size ?? 0) : 0)
  const doubt = doubtOf(database, upTo, size, kept, isKeptOurs)
  return { upTo, size, doubt }
}

function doubtOf(
  database: Database.Database,
  upTo: number,
  size: number,
  kept: KeptCheckpoint,
  isKeptOurs: boolean,
): string | undefined {
  if (kept.kind === 'missing') return isBegun(database, size) ? MISSING : undefined
  if (kept.kind === 'unreadable')
    return `the checkpoint that was kept beside it cannot be read: ${kept.detail}`
  if (!isKeptOurs) return FOREIGN
  if (size - upTo > RECORDS_PER_CHECKPOINT)
    return `no signature covers its records ${upTo} to ${size - 1}, and an end at any moment leaves at most ${RECORDS_PER_CHECKPOINT} open: the agent ran without its key, or somebody took the signatures out and may have changed them`
  const left = recordsIn(database, upTo, size)
  const named = left.find(({ record }) => ALWAYS_SIGNED.has(record.kind))
  if (named)
    return `record ${named.seq} says ${String(named.record.kind)} and is not signed: holdfast signs such a record when it writes it`
  return isTooLong(left.map(({ record }) => record))
    ? `no signature covers its records ${upTo} to ${size - 1}, which took longer than ${UNSIGNED_MS_MAX / 1000} s: the agent ran without its key, or somebody took the signatures out and may have changed them`
    : undefined
}

const MISSING =
  'the checkpoint that was kept beside it is gone: whether records were changed or cut off before this start cannot be told'
const FOREIGN =
  'the checkpoint that was kept beside it is signed by no key that this agent has: the master key was replaced, or somebody forged it'

/** An enrolment that was interrupted leaves a few records, and no agent has run on them. */
function isBegun(database: Database.Database, size: number): boolean {
  if (size > RECORDS_PER_CHECKPOINT) return true
  return recordsIn(database, 0, size).some(({ record }) => record.kind === 'agent-started')
}

type ParsedRecord = ReturnType<typeof parseRecord>

function recordsIn(
  database: Database.Database,
  from: number,
  to: number,
): { readonly seq: number; readonly record: ParsedRecord }[] {
  const rows = database
    .prepare('SELECT seq, bytes FROM record WHERE seq >= ? AND seq < ? ORDER BY seq')
    .all(from, to) as { seq: number; bytes: string }[]
  return rows.map(({ seq, bytes }) => ({ seq, record: parseRecord(bytes) }))
}

function isTooLong(records: readonly ParsedRecord[]): boolean {
  const first = new Map<unknown, number>()
  return records.some(({ boot, mono_ms }) => {
    const at = Number(mono_ms)
    const began = first.get(boot) ?? at
    first.set(boot, began)
    return at - began > UNSIGNED_MS_MAX
  })
}

/**
 * The last record of one kind that a signature of these keys covered when the log was opened, or that was written since; undefined when
 * there is none. What an intruder appended is passed over; a record that he changed in its place is none.
 */
export function latestVouched(
  database: Database.Database,
  kind: string,
  { upTo, size }: Vouched,
  keys: readonly NoteVerifier[],
): FoundRecord | undefined {
  const row = database
    .prepare(
      'SELECT seq, bytes, leaf FROM record INDEXED BY record_kind WHERE kind = ? AND (seq < ? OR seq >= ?) ORDER BY seq DESC LIMIT 1',
    )
    .get(kind, upTo, size) as { seq: number; bytes: string; leaf: Uint8Array } | undefined
  if (row === undefined) return undefined
  const { seq, bytes, leaf } = row
  const isRight =
    seq >= size || (sameHash(leafHash(Buffer.from(bytes)), leaf) && isUnder(database, seq, keys))
  return isRight ? { seq, text: bytes } : undefined
}

/** Whether the hash of a record is under a checkpoint that one of these keys signed: computed from the checkpoint before it to the next signed one. */
function isUnder(database: Database.Database, seq: number, keys: readonly NoteVerifier[]): boolean {
  const later = database
    .prepare('SELECT size, note FROM checkpoint WHERE size > ? AND note IS NOT NULL ORDER BY size')
    .iterate(seq) as IterableIterator<SizedNote>
  for (const { size, note } of later) {
    if (!isOwn(note, keys)) continue
    const checkpoint = parseCheckpoint(note)
    const frontier = edgeBefore(database, seq)
    for (const leaf of leavesFrom(database, frontier.size, size)) frontier.append(leaf)
    return checkpoint?.size === size && sameHash(frontier.root(), checkpoint.root)
  }
  return false
}

function edgeBefore(database: Database.Database, seq: number): Frontier {
  const row = database
    .prepare('SELECT size, frontier FROM checkpoint WHERE size <= ? ORDER BY size DESC LIMIT 1')
    .get(seq) as { size: number; frontier: Uint8Array } | undefined
  return (row && Frontier.restore(row.size, row.frontier)) ?? Frontier.empty()
}

/** Records that the newest checkpoint covers which one of these keys signed; whether the records are those is for `verifyAuditLog` to say. */
export function signedSize(database: Readable, keys: readonly NoteVerifier[]): number {
  const rows = database
    .prepare('SELECT size, note FROM checkpoint WHERE note IS NOT NULL ORDER BY size DESC LIMIT ?')
    .all(NEWEST) as SizedNote[]
  return rows.find(({ note }) => isOwn(note, keys))?.size ?? 0
}

/** Whether there are signed checkpoints and none that one of these keys signed: then the keys are another log's, or the log is. */
export function isForeignTo(database: Readable, keys: readonly NoteVerifier[]): boolean {
  const signed = database.prepare('SELECT size FROM checkpoint WHERE note IS NOT NULL LIMIT 1').all()
  return signed.length > 0 && signedSize(database, keys) === 0
}

/** More than one is looked at only where somebody put in what nobody of ours signed. */
const NEWEST = 64

/** Whether a note is a checkpoint that one of these keys signed, under its own name. */
function isOwn(note: string, keys: readonly NoteVerifier[]): boolean {
  const checkpoint = parseCheckpoint(note)
  if (checkpoint === undefined) return false
  return keys.some(key => checkpoint.origin === key.name && isSignedBy(checkpoint.note, key))
}
