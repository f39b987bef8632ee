import { parseCheckpoint } from './checkpoint.ts'
import type { HashTree } from './hash-tree.ts'
import { treeOf } from './leaves.ts'
import { leafHash, sameHash } from './merkle.ts'
import { consistencyProof, inclusionProof } from './proof.ts'
import type { Readable } from './schema.ts'
import { formatTlogProof } from './tlog-proof.ts'

/** A moment of a log: its size, and a note that somebody signed then, where there is one. */
export interface Stand {
  readonly size: number
  readonly root: Uint8Array
  readonly note: string | undefined
}

/** Why there is no proof: the log is not what it should be, or it never held what is asked for. */
export type NoProof =
  | { readonly kind: 'contradicted'; readonly detail: string }
  | { readonly kind: 'impossible'; readonly detail: string }

export interface Inclusion {
  readonly kind: 'inclusion'
  readonly index: number
  /** The record's canonical JSON; undefined when it was pruned and only its hash is left. */
  readonly record: string | undefined
  readonly leaf: Uint8Array
  readonly at: Stand
  readonly path: readonly Uint8Array[]
  /** The proof in its standard form, where a signed checkpoint covers the record. */
  readonly tlogProof: string | undefined
}

export interface Consistency {
  readonly kind: 'consistency'
  readonly older: Stand
  readonly newer: Stand
  readonly path: readonly Uint8Array[]
}

/** What a proof is to lead to: a size, a note that was kept, or the newest checkpoint of the log. */
export type Wanted = { readonly size: number } | { readonly note: string } | 'newest'

/** Makes proofs about one log. Reads every hash of it once, when it is made; throws what SQLite throws. */
export class Prover {
  readonly #database: Readable
  readonly #tree: HashTree

  constructor(database: Readable) {
    this.#database = database
    this.#tree = treeOf(database)
  }

  /** How many records there were when this was made. */
  get size(): number {
    return this.#tree.size
  }

  /** The hashes that lead from a record to the root (RFC 6962 §2.1.1). */
  inclusion(index: number, wanted: Wanted): Inclusion | NoProof {
    const at = this.#stand(wanted)
    if ('kind' in at) return at
    if (index >= at.size) return impossible(`there is no record ${index} among the first ${at.size}`)
    const leaf = this.#tree.leaf(index)
    const record = this.#recordAt(index)
    if (record !== undefined && !sameHash(leafHash(Buffer.from(record)), leaf))
      return contradicted(`record ${index} does not have the hash that was kept of it`)
    const path = inclusionProof(index, at.size, this.#tree)
    const tlogProof = at.note === undefined ? undefined : formatTlogProof(index, path, at.note)
    return { kind: 'inclusion', index, record, leaf, at, path, tlogProof }
  }

  /** The hashes that show that the log only grew from one moment to another (RFC 6962 §2.1.2). */
  consistency(olderWanted: Wanted, newerWanted: Wanted): Consistency | NoProof {
    const older = this.#stand(olderWanted)
    if ('kind' in older) return older
    const newer = this.#stand(newerWanted)
    if ('kind' in newer) return newer
    if (older.size === 0)
      return impossible('there is nothing to prove of a log without records: every log grew from it')
    if (older.size > newer.size)
      return impossible(`${older.size} records are more than ${newer.size}: the older comes first`)
    return { kind: 'consistency', older, newer, path: consistencyProof(older.size, newer.size, this.#tree) }
  }

  #stand(wanted: Wanted): Stand | NoProof {
    if (wanted === 'newest') return this.#newest()
    if ('size' in wanted) return this.#standAt(wanted.size, this.#noteAt(wanted.size))
    const checkpoint = parseCheckpoint(wanted.note)
    if (checkpoint === undefined) return impossible('the file does not hold a checkpoint')
    const stand = this.#standAt(checkpoint.size, wanted.note)
    if ('kind' in stand || sameHash(stand.root, checkpoint.root)) return stand
    return contradicted(
      `the first ${checkpoint.size} records do not have the root of the checkpoint: one of them was changed, or it is of another log`,
    )
  }

  #standAt(size: number, note: string | undefined): Stand | NoProof {
    if (size > this.#tree.size)
      return contradicted(`the log has ${this.#tree.size} records, and ${size} are asked for`)
    const root = this.#tree.root(0, size)
    const noted = note === undefined ? undefined : parseCheckpoint(note)
    if (noted && noted.size === size && !sameHash(noted.root, root) && this.#noteAt(size) === note)
      return contradicted(`the first ${size} records do not have the root of the log's own checkpoint`)
    return { size, root, note }
  }

  /** The newest signed checkpoint; all records, unsigned, where there is none. */
  #newest(): Stand | NoProof {
    const [row] = this.#database
      .prepare('SELECT size, note FROM checkpoint WHERE note IS NOT NULL ORDER BY size DESC LIMIT 1')
      .all() as { size: number; note: string }[]
    return row === undefined ? this.#standAt(this.#tree.size, undefined) : this.#standAt(row.size, row.note)
  }

  #noteAt(size: number): string | undefined {
    const [row] = this.#database.prepare('SELECT note FROM checkpoint WHERE size = ?').all(size)
    return (row as { note: string | null } | undefined)?.note ?? undefined
  }

  #recordAt(index: number): string | undefined {
    const [row] = this.#database.prepare('SELECT bytes FROM record WHERE seq = ?').all(index)
    return (row as { bytes: string } | undefined)?.bytes
  }
}

function contradicted(detail: string): NoProof {
  return { kind: 'contradicted', detail }
}

function impossible(detail: string): NoProof {
  return { kind: 'impossible', detail }
}
