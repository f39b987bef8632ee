import type Database from 'better-sqlite3'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { AuditFailure } from './failure.ts'
import { Frontier, sameHash } from './merkle.ts'

/** The log's right edge, and the checkpoints that it was computed from or compared with. */
export interface Tail {
  readonly frontier: Frontier
  readonly sealed: { readonly size: number; readonly signed: boolean }
  /** The notes from the checkpoint on that the edge was computed from, oldest first: each is of this log's size and root. Who signed them is not known. */
  readonly notes: readonly SizedNote[]
}

export interface SizedNote {
  readonly size: number
  readonly note: string
}

interface CheckpointRow {
  readonly size: number
  readonly root: Uint8Array
  readonly frontier: Uint8Array
  readonly note: string | null
}

/**
 * Finds the right edge of the tree again, without reading the whole log: from the checkpoint that was `kept` outside of it, or else from the
 * newest one that has a note, and the hashes of the records after that. So whatever is signed on top of it has the kept tree for its
 * beginning: a record before it that was changed contradicts one signature or the other. What an unsigned checkpoint says is compared and
 * not believed. Throws AuditFailure when the log does not have the kept tree, or contradicts itself.
 */
export function restoreFrontier(database: Database.Database, kept?: Checkpoint): Tail {
  const end = lastSize(database)
  const base = kept ?? newestNote(database)
  if (base !== undefined && base.size > end) throw cut(end, base.size)
  const frontier = base === undefined ? Frontier.empty() : edgeAt(database, base)
  const from = frontier.size
  const first = noteAt(database, from)
  const notes: SizedNote[] = first === undefined ? [] : [{ size: from, note: first }]
  let sealed = { size: from, signed: first !== undefined }
  const checkpoints = checkpointsAfter(database, from)
  try {
    let next = checkpoints.next()
    for (const leaf of leavesFrom(database, from)) {
      frontier.append(leaf)
      if (next.done || next.value.size !== frontier.size) continue
      const { size, note } = next.value
      mustFit(next.value, frontier)
      if (note !== null) notes.push({ size, note })
      sealed = { size, signed: note !== null }
      next = checkpoints.next()
    }
    if (!next.done) throw cut(end, next.value.size)
  } finally {
    checkpoints.return(undefined)
  }
  return { frontier, sealed, notes }
}

/** The hashes of the records from one on, in their order, those of pruned records too. Throws AuditFailure where one is missing. */
export function* leavesFrom(
  database: Database.Database,
  from: number,
  to = Number.MAX_SAFE_INTEGER,
): Generator<Uint8Array> {
  let expected = from
  for (const table of ['pruned', 'record'] as const) {
    const leaves = database
      .prepare(`SELECT seq, leaf FROM ${table} WHERE seq >= ? AND seq < ? ORDER BY seq`)
      .raw()
    for (const row of leaves.iterate(from, to)) {
      const [seq, leaf] = row as [number, Uint8Array]
      if (seq !== expected) throw broken(`record ${expected} is missing`)
      yield leaf
      expected += 1
    }
  }
}

function lastSize(database: Database.Database): number {
  const last = database.prepare('SELECT max(seq) FROM record').pluck().get() as number | null
  const pruned = database.prepare('SELECT max(seq) FROM pruned').pluck().get() as number | null
  return Math.max(last ?? -1, pruned ?? -1) + 1
}

function* checkpointsAfter(
  database: Database.Database,
  size: number,
): Generator<CheckpointRow, undefined, undefined> {
  const rows = database.prepare(
    'SELECT size, root, frontier, note FROM checkpoint WHERE size > ? ORDER BY size',
  )
  yield* rows.iterate(size) as IterableIterator<CheckpointRow>
}

function newestNote(database: Database.Database): Checkpoint | undefined {
  const row = database
    .prepare('SELECT size, note FROM checkpoint WHERE note IS NOT NULL ORDER BY size DESC LIMIT 1')
    .get() as SizedNote | undefined
  const checkpoint = row && parseCheckpoint(row.note)
  if (row !== undefined && checkpoint?.size !== row.size) throw contradictory(row.size)
  return checkpoint
}

function noteAt(database: Database.Database, size: number): string | undefined {
  const note = database.prepare('SELECT note FROM checkpoint WHERE size = ?').pluck().get(size)
  return typeof note === 'string' ? note : undefined
}

/** The right edge of the tree of a checkpoint. That the log has the edge under this root makes it the tree: there is no other with it. */
function edgeAt(database: Database.Database, { size, root }: Checkpoint): Frontier {
  const row = database.prepare('SELECT root, frontier FROM checkpoint WHERE size = ?').get(size) as
    | Pick<CheckpointRow, 'root' | 'frontier'>
    | undefined
  if (size === 0) return Frontier.empty()
  if (row === undefined) throw broken(`it does not have the checkpoint of ${size} records that was signed`)
  if (!sameHash(row.root, root))
    throw broken(`its checkpoint of ${size} records is not the one that was signed, or contradicts itself`)
  const frontier = Frontier.restore(size, row.frontier)
  if (frontier === undefined || !sameHash(frontier.root(), root)) throw contradictory(size)
  return frontier
}

function mustFit({ size, root, frontier: edge, note }: CheckpointRow, frontier: Frontier): void {
  const found = frontier.root()
  const said = note === null ? undefined : parseCheckpoint(note)
  const isOfThis = note === null || (said?.size === size && sameHash(said.root, found))
  if (sameHash(root, found) && sameHash(edge, frontier.bytes()) && isOfThis) return
  throw contradictory(size)
}

function contradictory(size: number): AuditFailure {
  return broken(`its checkpoint at ${size} records contradicts itself, or the records`)
}

function cut(end: number, covered: number): AuditFailure {
  return broken(
    `it ends at record ${end === 0 ? 'none' : end - 1}, and a checkpoint covers ${covered} records`,
  )
}

function broken(detail: string): AuditFailure {
  return new AuditFailure({
    kind: 'corrupt',
    detail: `the audit log was changed or cut: ${detail}`,
    remedy:
      'keep the file as it is and run `holdfast audit verify` on a copy; then put the log back from its backup',
  })
}
