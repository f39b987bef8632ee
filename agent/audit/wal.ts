import { closeSync, fsyncSync, openSync } from 'node:fs'
import type Database from 'better-sqlite3'

/**
 * Moves what the write-ahead log holds into the file beside it, and empties it; both are on the disk when this returns. False when somebody
 * reads there meanwhile, and it could not be emptied. Throws SqliteError, and what fsync(2) says.
 *
 * A page whose fsync failed counts as written for Linux from then on: the next fsync succeeds without it, and it is read back from memory as
 * if it were on the disk. So a log that is opened again after such a failure finds frames in the write-ahead log that a power cut takes away,
 * and SQLite reads that only up to the first one that is missing: all that was committed behind them would go too. Moved, they are written anew.
 */
export function emptyWal(database: Database.Database, path: string): boolean {
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
