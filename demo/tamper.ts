import { copyFile, readFile, writeFile } from 'node:fs/promises'
import Database from 'better-sqlite3'

/** A copy of an audit log in which one bit of one record is another. */
export interface Tampered {
  readonly path: string
  /** The record that was changed. */
  readonly seq: number
}

/** Copies an audit log and flips one bit of the first verified command's record, in the file's bytes, as an intruder would. */
export async function tamperWithCopy(auditLog: string, copy: string): Promise<Tampered> {
  await copyFile(auditLog, copy)
  await copyFile(`${auditLog}-wal`, `${copy}-wal`).catch(() => {})
  const { seq, bytes } = firstVerified(copy)
  const file = await readFile(copy)
  // SQLite leaves older images of a record in the free space of its pages: the one that counts is the one that is read.
  for (let at = file.indexOf(bytes); at >= 0; at = file.indexOf(bytes, at + 1)) {
    const changed = Buffer.from(file)
    changed[at + bytes.indexOf('verified')] = 'w'.charCodeAt(0)
    await writeFile(copy, changed)
    if (!read(copy, seq).equals(bytes)) return { path: copy, seq }
  }
  throw new Error(`record ${seq} is not in the file as it stands`)
}

function firstVerified(copy: string): { seq: number; bytes: Buffer } {
  const database = new Database(copy)
  try {
    // The copy's write-ahead log goes into the copy itself, so that there is one file to change.
    database.pragma('wal_checkpoint(TRUNCATE)')
    const row = database
      .prepare<[], { seq: number }>(
        `SELECT seq FROM record WHERE kind = 'command-outcome' AND bytes ->> '$.outcome' = 'verified' ORDER BY seq LIMIT 1`,
      )
      .get()
    if (!row) throw new Error('the log has no verified command')
    database.pragma('journal_mode = DELETE')
    return { seq: row.seq, bytes: read(copy, row.seq) }
  } finally {
    database.close()
  }
}

function read(copy: string, seq: number): Buffer {
  const database = new Database(copy, { readonly: true })
  try {
    const row = database
      .prepare<[number], { bytes: string }>('SELECT bytes FROM record WHERE seq = ?')
      .get(seq)
    return Buffer.from(row?.bytes ?? '')
  } finally {
    database.close()
  }
}
