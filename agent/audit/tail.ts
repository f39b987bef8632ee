import type Database from 'better-sqlite3'
import { AuditFailure } from './failure.ts'
import { Frontier, sameHash } from './merkle.ts'

/** The log's right edge, and what its last checkpoint covers. */
export interface Tail {
  readonly frontier: Frontier
  readonly sealed: { readonly size: number; readonly signed: boolean }
}

interface CheckpointRow {
  readonly size: number
  readonly root: Uint8Array
  readonly frontier: Uint8Array
  readonly signed: number
}

/**
 * Finds the right edge of the tree again from the last checkpoint and the leaves after it, so that opening does not read
 * the whole log. It trusts the file: whether the records are the ones that were written is for `verifyAuditLog` to say.
 */
export function restoreFrontier(database: Database.Database): Tail {
  const last = database
    .prepare(
      'SELECT size, root, frontier, note IS NOT NULL AS signed FROM checkpoint ORDER BY size DESC LIMIT 1',
    )
    .get() as CheckpointRow | undefined
  const frontier = last === undefined ? Frontier.empty() : Frontier.restore(last.size, last.frontier)
  if (frontier === undefined || (last !== undefined && !sameHash(frontier.root(), last.root)))
    throw broken(`its checkpoint at ${last?.size} records contradicts itself`)
  const sealed = { size: frontier.size, signed: last?.signed === 1 }
  const leaves = database.prepare('SELECT seq, leaf FROM record WHERE seq >= ? ORDER BY seq').raw()
  for (const row of leaves.iterate(frontier.size)) {
    const [seq, leaf] = row as [number, Uint8Array]
    if (seq !== frontier.size) throw broken(`record ${frontier.size} is missing`)
    frontier.append(leaf)
  }
  const end = database.prepare('SELECT max(seq) FROM record').pluck().get() as number | null
  if ((end ?? -1) !== frontier.size - 1)
    throw broken(`it ends at record ${end ?? 'none'}, and a checkpoint covers ${frontier.size} records`)
  return { frontier, sealed }
}

function broken(detail: string): AuditFailure {
  return new AuditFailure({
    kind: 'corrupt',
    detail: `the audit log was changed or cut: ${detail}`,
    remedy:
      'keep the file as it is and run `holdfast audit verify` on a copy; then put the log back from its backup',
  })
}
