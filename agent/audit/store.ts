import { statSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { parseCheckpoint, RECORDS_PER_CHECKPOINT, signCheckpoint } from './checkpoint.ts'
import { AuditFailure, GONE, mustBeTaken } from './failure.ts'
import type { KeptCheckpoint } from './kept-checkpoint.ts'
import { type Frontier, leafHash, sameHash } from './merkle.ts'
import type { NoteSigner, NoteVerifier } from './note.ts'
import { recordText, type StampedEntry } from './record.ts'
import { type OpenMode, openDatabase, openForReading } from './schema.ts'
import { type FoundRecord, latestOf, recordsAfter } from './search.ts'
import { mustBeOurTables } from './structure.ts'
import { restoreFrontier } from './tail.ts'
import { latestVouched, type Vouched, vouchFor } from './vouching.ts'
import { beginAnew } from './wal.ts'

/** How far the log had come, as its keeper remembers it: an opened file must not be behind. */
export interface Head {
  readonly size: number
  /** Leaf hash of the last record; undefined when there is none. */
  readonly leaf: Uint8Array | undefined
}

/** A record on its way into the log. One that is no longer `wanted` is not written, but found if it already was. */
export interface Candidate {
  readonly stamped: StampedEntry
  readonly wanted: boolean
}

export interface SealedCheckpoint {
  readonly size: number
  /** The signed note; undefined when there was no key to sign it with. The last one of a commit covers those before it. */
  readonly note: string | undefined
}

/** A checkpoint that somebody else can verify. */
export interface SignedCheckpoint {
  readonly size: number
  readonly note: string
}

export interface Committed {
  /** The place of each candidate, in their order; undefined for one that is not in the log. */
  readonly seqs: readonly (number | undefined)[]
  readonly head: Head
  readonly checkpoint: SealedCheckpoint | undefined
}

const PRUNED_AT_ONCE = 4096

/**
 * The log on two connections of SQLite, one for writing and one for what is asked of it. Everything here blocks and may throw; whatever
 * throws leaves the file as it was, and after a question that failed records are written as before.
 */
export class AuditStore implements Disposable {
  readonly created: boolean
  readonly #database: Database.Database
  readonly #reading: Database.Database
  readonly #path: string
  readonly #boot: string
  readonly #inode: number
  readonly #insert: Database.Statement
  readonly #select: Database.Statement
  readonly #seal: Database.Statement
  readonly #nonces: Database.Statement
  readonly #records: Database.Statement
  readonly #signed: Database.Statement
  #frontier: Frontier
  #leaf: Uint8Array | undefined
  #sealed: { readonly size: number; readonly signed: boolean }
  #walInode: number | undefined
  /** How far signatures of these keys covered the log when it was opened, and what speaks against signing on top of it. */
  readonly vouch: (keys: readonly NoteVerifier[]) => Vouched
  /** The last record of one kind that can be believed; undefined when there is none. */
  readonly latestVouched: (
    kind: string,
    vouched: Vouched,
    keys: readonly NoteVerifier[],
  ) => FoundRecord | undefined

  /**
   * Opens the log and finds its right edge again. Throws AuditFailure when it is behind `known` or does not have the checkpoint that was
   * `kept` (who signed that is for `vouch` to say), and what `openDatabase` throws.
   */
  constructor(path: string, boot: string, mode: OpenMode, known: Head | undefined, kept?: KeptCheckpoint) {
    const { database, created } = openDatabase(path, mode)
    let reading: Database.Database | undefined
    try {
      mustBeOurTables(database)
      beginAnew(database, path, known !== undefined)
      reading = openForReading(path)
      this.#reading = reading
      this.created = created
      this.#database = database
      this.#path = path
      this.#boot = boot
      this.#inode = statSync(path).ino
      this.#insert = database.prepare('INSERT INTO record (seq, bytes, leaf) VALUES (?, ?, ?)')
      this.#select = database.prepare('SELECT bytes, leaf FROM record WHERE seq = ?')
      this.#seal = database.prepare(
        'INSERT INTO checkpoint (size, root, frontier, note) VALUES (?, ?, ?, ?) ON CONFLICT (size) DO UPDATE SET note = excluded.note',
      )
      this.#nonces = reading
        .prepare(
          'SELECT credential, nonce, created FROM record WHERE nonce IS NOT NULL AND created >= ? ORDER BY created',
        )
        .raw()
      this.#records = reading
        .prepare('SELECT bytes FROM record WHERE kind = ? AND time >= ? ORDER BY time DESC LIMIT ?')
        .pluck()
      this.#signed = reading.prepare(
        'SELECT size, note FROM checkpoint WHERE size <= ? AND note IS NOT NULL ORDER BY size DESC LIMIT 1',
      )
      const checkpoint = kept?.kind === 'note' ? parseCheckpoint(kept.note) : undefined
      const tail = restoreFrontier(database, checkpoint)
      const found = { frontier: tail.frontier.clone(), notes: tail.notes }
      this.latestVouched = (...asked) => latestVouched(this.#reading, ...asked)
      this.vouch = keys => vouchFor(this.#reading, found, kept, keys)
      this.#frontier = tail.frontier
      this.#sealed = tail.sealed
      this.#leaf = this.#leafAt(tail.frontier.size - 1)
      if (known !== undefined) this.#mustReach(known)
    } catch (error) {
      reading?.close()
      database.close()
      throw error
    }
  }

  get head(): Head {
    return { size: this.#frontier.size, leaf: this.#leaf }
  }

  /**
   * Writes the candidates in their order, in one transaction, and returns after its fsync. `base` is the size at which
   * they were first tried: a commit whose answer was lost is recognised by its bytes and not written again.
   */
  append(
    base: number,
    candidates: readonly Candidate[],
    seal: boolean,
    signer: NoteSigner | undefined,
  ): Committed {
    const frontier = this.#frontier.clone()
    const seqs: (number | undefined)[] = []
    let leaf = this.#leaf
    let checkpoint: SealedCheckpoint | undefined
    let sealed = this.#sealed.size
    this.#database
      .transaction(() => {
        for (const [index, { stamped, wanted }] of candidates.entries()) {
          const there = base + index
          if (this.#holds(there, stamped)) {
            seqs.push(there)
          } else if (wanted) {
            const text = recordText(frontier.size, this.#boot, stamped)
            leaf = leafHash(Buffer.from(text))
            mustBeTaken(this.#insert.run(frontier.size, text, leaf))
            seqs.push(frontier.size)
            frontier.append(leaf)
          } else seqs.push(undefined)
          if (frontier.size - sealed < RECORDS_PER_CHECKPOINT) continue
          checkpoint = this.#checkpoint(frontier, signer)
          sealed = frontier.size
        }
        if (seal && checkpoint?.size !== frontier.size) checkpoint = this.#checkpoint(frontier, signer)
      })
      .immediate()
    this.#mustStillBeThere()
    this.#frontier = frontier
    this.#leaf = leaf
    if (checkpoint) this.#sealed = { size: checkpoint.size, signed: checkpoint.note !== undefined }
    return { seqs, head: this.head, checkpoint }
  }

  /**
   * Takes the bytes of all records before `to` out and keeps their hashes, some thousand in each transaction: wherever it ends
   * early, the hashes of what is gone are there.
   */
  prune(to: number): void {
    const first = this.#database.prepare('SELECT min(seq) FROM record').pluck().get() as number | null
    const guard = this.#database
      .prepare("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = 'record_stays'")
      .pluck()
      .get() as string
    for (let from = first ?? to; from < to; from += PRUNED_AT_ONCE) {
      const until = Math.min(from + PRUNED_AT_ONCE, to)
      this.#database
        .transaction(() => {
          this.#database.exec('DROP TRIGGER record_stays')
          this.#database.prepare('INSERT INTO pruned SELECT seq, leaf FROM record WHERE seq < ?').run(until)
          this.#database.prepare('DELETE FROM record WHERE seq < ?').run(until)
          this.#database.exec(guard)
        })
        .immediate()
    }
  }

  /** The nonces that a record of `since` (Unix seconds, by its `created`) or later carries. */
  recentNonces(since: number): { credential: string; nonce: string; created: number }[] {
    const nonces: { credential: string; nonce: string; created: number }[] = []
    for (const row of this.#nonces.iterate(since)) {
      const [credential, nonce, created] = row as [unknown, unknown, unknown]
      if (typeof credential === 'string' && typeof nonce === 'string' && typeof created === 'number')
        nonces.push({ credential, nonce, created })
    }
    return nonces
  }

  /** The newest records of one kind, from `since` (RFC 3339) on, at most `most`, newest first: their canonical bytes. */
  records(kind: string, since: string, most: number): string[] {
    return this.#records.all(kind, since, most) as string[]
  }

  /** The last record of one kind; undefined when there is none. */
  latest(kind: string): FoundRecord | undefined {
    return latestOf(this.#reading, kind)
  }

  /**
   * The records after one, in their order, at most so many, the log's size, the hash of its first record, pruned or not, and the newest
   * signed checkpoint that covers no record beyond these.
   */
  recordsAfter(
    seq: number,
    most: number,
  ): {
    first: Uint8Array | undefined
    size: number
    records: FoundRecord[]
    checkpoint: SignedCheckpoint | undefined
  } {
    const first = this.#reading
      .prepare('SELECT leaf FROM pruned WHERE seq = 0 UNION ALL SELECT leaf FROM record WHERE seq = 0')
      .pluck()
      .get() as Uint8Array | undefined
    const { size } = this.#frontier
    const records = recordsAfter(this.#reading, seq, most)
    const end = (records.at(-1)?.seq ?? size - 1) + 1
    return { first, size, records, checkpoint: this.#signed.get(end) as SignedCheckpoint | undefined }
  }

  [Symbol.dispose](): void {
    this.#reading.close()
    // Last: then its write-ahead log goes into the file.
    this.#database.close()
  }

  /** Keeps size, root and right edge, signed when there is a key. Gives the last checkpoint when that already says as much. */
  #checkpoint(frontier: Frontier, signer: NoteSigner | undefined): SealedCheckpoint | undefined {
    const { size } = frontier
    const stands = this.#sealed.size === size && (this.#sealed.signed || signer === undefined)
    if (size === 0) return undefined
    if (stands) return { size, note: this.#noteAt(size) }
    const root = frontier.root()
    const note = signer === undefined ? undefined : signCheckpoint(size, root, signer)
    mustBeTaken(this.#seal.run(size, root, frontier.bytes(), note ?? null))
    return { size, note }
  }

  #noteAt(size: number): string | undefined {
    const note = this.#database.prepare('SELECT note FROM checkpoint WHERE size = ?').pluck().get(size)
    return typeof note === 'string' ? note : undefined
  }

  /** Whether record `seq` was in the log before this transaction and is this very entry. */
  #holds(seq: number, stamped: StampedEntry): boolean {
    if (seq >= this.#frontier.size) return false
    const row = this.#select.get(seq) as { bytes: string } | undefined
    return row?.bytes === recordText(seq, this.#boot, stamped)
  }

  #leafAt(seq: number): Uint8Array | undefined {
    return (this.#select.get(seq) as { leaf: Uint8Array } | undefined)?.leaf
  }

  /** A file that was put back from an old copy lacks records that were acknowledged: going on would hide that. */
  #mustReach(known: Head): void {
    if (known.leaf === undefined) return
    const leaf = this.#leafAt(known.size - 1)
    if (leaf !== undefined && sameHash(leaf, known.leaf)) return
    throw new AuditFailure({
      kind: 'corrupt',
      detail: `record ${known.size - 1} was acknowledged, and the file does not have it: it holds ${this.#frontier.size} records, so an older copy or another log was put in its place`,
      remedy: 'put back the file that was there, or stop the agent, keep this file, and begin a new log',
    })
  }

  /**
   * A deleted file takes commits without an error, and they are gone when it is closed. So each commit is believed only
   * while the names still lead to the files that were opened.
   */
  #mustStillBeThere(): void {
    const wal = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.ino
    this.#walInode ??= wal
    const there = statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode
    if (there && wal === this.#walInode) return
    throw new AuditFailure(GONE)
  }
}
