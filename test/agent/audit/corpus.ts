import assert from 'node:assert/strict'
import type Database from 'better-sqlite3'
import { leafHash } from '../../../agent/audit/merkle.ts'
import { signerFrom } from '../../../agent/audit/note.ts'
import { AuditStore } from '../../../agent/audit/store.ts'
import { type Verdict, verifyAuditLog } from '../../../agent/audit/verify.ts'
import { Folder, SIGNER, tamper, VKEY, writeLog } from './fixture.ts'

/** The corpus: 25 records, signed checkpoints of 10 and 20, and 5 records that none covers yet. */
export const SIZE = 25
export const EVERY = 10

/** Another key under the log's name. */
export const THIEF = signerFrom('plant/gateway-1', Buffer.alloc(32, 8))

/** What a hand with the file open for writing does to it. */
export type Change = (database: Database.Database) => void

/** Rewrites the text of one record, and its hash too when the hand is a careful one. */
export function rewrite(seq: number, isCareful: boolean): Change {
  return database => {
    const text = database.prepare('SELECT bytes FROM record WHERE seq = ?').pluck().get(seq) as string
    const forged = text.replace('"setpoint":"open"', '"setpoint":"shut"')
    assert.notEqual(forged, text)
    database.prepare('UPDATE record SET bytes = ? WHERE seq = ?').run(forged, seq)
    const leaf = leafHash(Buffer.from(forged))
    if (isCareful) database.prepare('UPDATE record SET leaf = ? WHERE seq = ?').run(leaf, seq)
  }
}

/** A change that is said in SQL. */
export const sql =
  (text: string): Change =>
  database => {
    database.exec(text)
  }

/** Puts a note of another's making in place of the checkpoint of 20 records. */
export const replaceNote = (make: (root: Uint8Array, note: string) => string): Change => {
  return database => {
    const query = database.prepare('SELECT root, note FROM checkpoint WHERE size = 20')
    const { root, note } = query.get() as { root: Uint8Array; note: string }
    database.prepare('UPDATE checkpoint SET note = ? WHERE size = 20').run(make(root, note))
  }
}

/** The verdict on the corpus after the change. */
export function tampered(
  change: Change,
  more: { checkpoint?: string; publicKey?: string } = { publicKey: VKEY },
): Verdict {
  using folder = new Folder()
  writeLog(folder.log, SIZE, EVERY)
  tamper(folder.log, change)
  return verifyAuditLog({ path: folder.log, ...more })
}

/** The note over all records that the log's keeper would have sent off the host. */
export function noteOver(size: number): string {
  using folder = new Folder()
  writeLog(folder.log, size, EVERY)
  using store = new AuditStore(folder.log, 'boot-1', 'existing', undefined)
  return store.append(size, [], true, SIGNER).checkpoint?.note ?? assert.fail('no note')
}
