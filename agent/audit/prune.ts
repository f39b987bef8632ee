import type { AuditEntry } from '../../model/audit.ts'
import type { UnixMs } from '../../model/time.ts'
import { writeArchive } from './archive.ts'
import { carriedOver } from './carried.ts'
import { Evidence } from './evidence.ts'
import { AuditFailure } from './failure.ts'
import type { KeptCheckpoint } from './kept-checkpoint.ts'
import { type NoteSigner, verifierOf } from './note.ts'
import { stampEntry } from './record.ts'
import type { Readable } from './schema.ts'
import { AuditStore } from './store.ts'

/** Records that are to go: from the first that is there to before `to`, where there is a checkpoint. */
export interface Cut {
  readonly from: number
  readonly to: number
  /** Root over all records before `to`, as the checkpoint has it. */
  readonly root: Uint8Array
}

export interface Pruning {
  readonly path: string
  /** The file that the records go to; it must not be there yet. */
  readonly archive: string
  /** Records of this moment and later stay. */
  readonly before: UnixMs
  readonly by: string
  readonly boot: string
  readonly now: UnixMs
  /** Signs the record of this act: of one that is not signed nobody knows who wrote it. */
  readonly signer: NoteSigner
  /** The newest signed checkpoint that is kept beside the log; undefined where none is. */
  readonly kept?: KeptCheckpoint
  /**
   * Does what opens the log for writing, as whom the log belongs to: SQLite carries out what it finds beside a log (a journal, a
   * write-ahead log), and what is found there is whoever's who could write there. The archive is made as whoever runs this.
   */
  asOwner(work: () => void): void
}

export type Pruned =
  | ({
      readonly kind: 'pruned'
      readonly sha256: string
      /** What the log goes on saying of that which went. */
      readonly carried: readonly AuditEntry[]
    } & Cut)
  | { readonly kind: 'nothing'; readonly detail: string }

/**
 * Takes old records out of a log that nobody else writes: first the archive and its hash are durable, then the record of the act,
 * then the records go and their hashes stay. Blocks. Throws what SQLite and the file system throw; whenever it ends early,
 * nothing is lost, and it can be done again with another archive.
 */
export function pruneAuditLog(pruning: Pruning): Pruned {
  const { path, archive, before, by, boot, now, signer, kept, asOwner } = pruning
  asOwner(() => mustBeVouchedFor(pruning))
  const archived = archiveOld(path, before, archive)
  if (archived.kind === 'nothing') return archived
  const { to, root, sha256, carried } = archived
  const entry: AuditEntry = {
    kind: 'log-pruned',
    by,
    pruned_to: to,
    pruned_before: new Date(before).toISOString(),
    root: Buffer.from(root).toString('base64'),
    archive,
    archive_sha256: sha256,
  }
  asOwner(() => {
    using store = new AuditStore(path, boot, 'existing', undefined, kept)
    const written = [...carried, entry].map(each => ({ stamped: stampEntry(each, now, 0), wanted: true }))
    store.append(store.head.size, written, true, signer)
    store.prune(to)
  })
  return archived
}

/** What the agent would not sign on top of without a word is not pruned either. Throws AuditFailure. */
function mustBeVouchedFor({ path, boot, signer, kept }: Pruning): void {
  using store = new AuditStore(path, boot, 'existing', undefined, kept)
  const { doubt } = store.vouch([verifierOf(signer)])
  if (doubt === undefined) return
  throw new AuditFailure({
    kind: 'corrupt',
    detail: doubt,
    remedy: 'start the agent, look at its alarms and at `holdfast audit verify`, then prune',
  })
}

function archiveOld(path: string, before: UnixMs, archive: string): Pruned {
  using evidence = Evidence.open(path)
  const cut = findCut(evidence.database, before)
  if (cut === undefined) {
    const detail = `no checkpoint that a signature covers has only records from before ${new Date(before).toISOString()}, beyond what was pruned already`
    return { kind: 'nothing', detail }
  }
  const sha256 = writeArchive(evidence.database, cut.from, cut.to, archive)
  return { kind: 'pruned', ...cut, sha256, carried: carriedOver(evidence.database, cut.to) }
}

/** The largest checkpoint before the first record that stays, of those that are signed or that a later signature covers. */
function findCut(database: Readable, before: UnixMs): Cut | undefined {
  const [bounds] = database
    .prepare(
      'SELECT (SELECT min(seq) FROM record) AS first, (SELECT min(seq) FROM record WHERE time >= ?) AS stays, (SELECT max(seq) + 1 FROM record) AS size',
    )
    .all(new Date(before).toISOString())
  const { first, stays, size } = bounds as Record<'first' | 'stays' | 'size', number | null>
  if (first === null || size === null) return undefined
  const [row] = database
    .prepare(
      `SELECT size, root FROM checkpoint WHERE size > ? AND size <= ?
         AND size <= (SELECT max(size) FROM checkpoint WHERE note IS NOT NULL) ORDER BY size DESC LIMIT 1`,
    )
    .all(first, stays ?? size)
  const checkpoint = row as { size: number; root: Uint8Array } | undefined
  return checkpoint && { from: first, to: checkpoint.size, root: checkpoint.root }
}
