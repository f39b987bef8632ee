import { closeSync, fsyncSync, openSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { AuditFailure, type Failure } from './failure.ts'

/**
 * Moves what the write-ahead log holds into the file beside it, and empties it; both are on the disk when this returns. False when somebody
 * reads there meanwhile, and it could not be emptied. Throws SqliteError, and what fsync(2) says.
 *
 * A page whose fsync failed counts as written for Linux from then on: the next fsync succeeds without it, and it is read back from memory as
 * if it were on the disk. So a log that is opened again after such a failure finds frames in the write-ahead log that a power cut takes away,
 * and SQLite reads that only up to the first one that is missing: all that was committed behind them would go too. Moved, they are written anew.
 */
function emptyWal(database: Database.Database, path: string): boolean {
  const [{ busy } = { busy: 1 }] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
  if (busy !== 0) return false
  // SQLite needs nobody to know that it is empty; here, what was in it must not come back over what it was moved to.
  const wal = openSync(`${path}-wal`, 'r+')
  try {
    fsyncSync(wal)
  } finally {
    closeSync(wal)
  }
  return true
}

/**
 * After a failure nothing is added behind frames that may not be on the disk. Before the first record of a run that goes as far as it goes: an earlier
 * run may have failed, and a full disk, or somebody who reads, must not keep this one from reading the log.
 */
export function beginAnew(database: Database.Database, path: string, isAfterFailure: boolean): void {
  let isEmpty = false
  try {
    isEmpty = emptyWal(database, path)
  } catch (error) {
    if (isAfterFailure) throw error
  }
  if (isAfterFailure && !isEmpty) throw new AuditFailure(READ)
}

const READ: Failure = {
  kind: 'unwritable',
  detail:
    'another program reads the audit log or holds it locked, and what a disk error may have left in it cannot be written anew meanwhile',
  remedy:
    'end that program (a verification, an export, a backup; fuser shows it), or wait for it; the agent goes on by itself',
}
