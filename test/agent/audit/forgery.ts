import { Frontier, leafHash } from '../../../agent/audit/merkle.ts'
import { canonicalJson } from '../../../model/json.ts'
import { tamper } from './fixture.ts'

/** What somebody does who can write the log's file, knows its format and has no key. */

/** Changes records, with their hashes, and the checkpoints from the first change on, whose signatures it takes out. Gives the first changed record. */
export function rewriteFrom(path: string, change: (text: string) => string): number {
  let first = Number.POSITIVE_INFINITY
  tamper(path, database => {
    const rows = database.prepare('SELECT seq, bytes FROM record ORDER BY seq').all()
    const put = database.prepare('UPDATE record SET bytes = ?, leaf = ? WHERE seq = ?')
    for (const { seq, bytes } of rows as { seq: number; bytes: string }[]) {
      const text = change(bytes)
      if (text === bytes) continue
      first = Math.min(first, seq)
      put.run(text, leafHash(Buffer.from(text)), seq)
    }
    const sizes = new Set(database.prepare('SELECT size FROM checkpoint').pluck().all())
    const frontier = Frontier.empty()
    const seal = database.prepare('UPDATE checkpoint SET root = ?, frontier = ?, note = NULL WHERE size = ?')
    for (const leaf of database.prepare('SELECT leaf FROM record ORDER BY seq').pluck().all()) {
      frontier.append(leaf as Uint8Array)
      if (sizes.has(frontier.size) && frontier.size > first)
        seal.run(frontier.root(), frontier.bytes(), frontier.size)
    }
  })
  return first
}

/** Cuts the log to so many records, with its checkpoints. */
export function cutTo(path: string, size: number): void {
  tamper(path, database => {
    database.prepare('DELETE FROM record WHERE seq >= ?').run(size)
    database.prepare('DELETE FROM checkpoint WHERE size > ?').run(size)
  })
}

/** Appends a record, so many milliseconds after the last. */
export function appendByHand(path: string, entry: Readonly<Record<string, unknown>>, later = 1): void {
  tamper(path, database => {
    const last = JSON.parse(
      String(database.prepare('SELECT bytes FROM record ORDER BY seq DESC LIMIT 1').pluck().get()),
    )
    const { boot, time } = last
    const seq = last.seq + 1
    const text = canonicalJson({ ...entry, seq, boot, time, mono_ms: last.mono_ms + later })
    const put = database.prepare('INSERT INTO record (seq, bytes, leaf) VALUES (?, ?, ?)')
    put.run(seq, text, leafHash(Buffer.from(text)))
  })
}

/** Takes the bytes of the first records out and leaves their hashes, as pruning does. */
export function takeOut(path: string, to: number): void {
  tamper(path, database => {
    database.prepare('INSERT INTO pruned SELECT seq, leaf FROM record WHERE seq < ?').run(to)
    database.prepare('DELETE FROM record WHERE seq < ?').run(to)
  })
}

/** The newest signed checkpoint that is still in the log. */
export function newestNote(path: string): string {
  let note: unknown
  tamper(path, database => {
    note = database
      .prepare('SELECT note FROM checkpoint WHERE note IS NOT NULL ORDER BY size DESC')
      .pluck()
      .get()
  })
  return String(note)
}
