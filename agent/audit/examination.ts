import { type CheckpointNote, parseCheckpoint, RECORDS_PER_CHECKPOINT } from './checkpoint.ts'
import { EMPTY_ROOT, Frontier, leafHash, sameHash } from './merkle.ts'
import { isSignedBy, type NoteVerifier } from './note.ts'
import { recordFault } from './record.ts'
import type { Readable } from './schema.ts'

/** The log is not what was written. `at` is the first record of which that can be said. */
export class Tampered extends Error {
  /** Undefined when it is not about single records. */
  readonly at: number | undefined

  constructor(at: number | undefined, detail: string) {
    super(detail)
    this.at = at
  }
}

interface LeafRow {
  readonly seq: number
  readonly leaf: Uint8Array
}

interface RecordRow extends LeafRow {
  readonly bytes: Uint8Array
}

interface CheckpointRow {
  readonly size: number
  readonly root: Uint8Array
  readonly frontier: Uint8Array
  readonly note: string | null
}

/** Records from one to before another. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** Records read at a time. No transaction is held between two readings: a long reader would keep a live log from tidying up. */
const CHUNK = 4096
/** The lowest sequence number that SQLite can hold: a record that was slipped in before the first is found, too. */
const LOWEST = -(2n ** 63n)

/** One reading of a log from its first record to its last. `run` once; it throws Tampered, or what SQLite throws. */
export class Examination {
  readonly frontier = Frontier.empty()
  readonly #database: Readable
  readonly #keys: readonly NoteVerifier[]
  readonly #held: CheckpointNote | undefined
  /** Up to here a checkpoint that can be believed agrees with the records. */
  #agreed = 0
  #signedUpTo = 0
  readonly #signedLate: Stretch[] = []
  /** Up to here there is a checkpoint, believed or not. */
  #sealed = 0
  #pruned = 0

  constructor(database: Readable, keys: readonly NoteVerifier[], held: CheckpointNote | undefined) {
    this.#database = database
    this.#keys = keys
    this.#held = held
  }

  get signedUpTo(): number {
    return this.#signedUpTo
  }

  /** Where more records than an agent with its key leaves open had no signature until a later one covered them: nothing vouches for them before that. */
  get signedLate(): readonly Stretch[] {
    return this.#signedLate
  }

  /** Records of which only the hashes are left. */
  get pruned(): number {
    return this.#pruned
  }

  /** Whether the log says that there is a key for its checkpoints. */
  get isEnrolled(): boolean {
    return this.#database.prepare("SELECT 1 FROM record WHERE kind = 'enrolled' LIMIT 1").all().length > 0
  }

  run(): this {
    // Asked first: whatever a checkpoint covers now is there when the records are read, also in a log that grows.
    const [last] = this.#database.prepare('SELECT max(size) AS size FROM checkpoint').all()
    const covered = (last as { size: number | null }).size
    if (this.#held?.size === 0) this.#compareHeld(this.#held, EMPTY_ROOT)
    this.#walkPruned()
    const records = this.#database.prepare(
      'SELECT seq, CAST(bytes AS BLOB) AS bytes, leaf FROM record WHERE seq >= ? ORDER BY seq LIMIT ?',
    )
    let from: number | bigint = LOWEST
    for (let more = true; more; from = this.frontier.size) {
      const rows = this.#read(records, from)
      more = rows.length === CHUNK
      this.#walk(rows)
    }
    this.#mustBeToldOf(this.#pruned)
    this.#mustReach(covered ?? 0, 'a checkpoint in the log')
    this.#mustReach(this.#held?.size ?? 0, 'the checkpoint that was kept elsewhere')
    return this
  }

  /** Reads the next records. A page that SQLite cannot read is narrowed down to the first record on it. */
  #read(records: ReturnType<Readable['prepare']>, from: number | bigint): RecordRow[] {
    try {
      return records.all(from, CHUNK) as RecordRow[]
    } catch (error) {
      const start = this.frontier.size
      for (let seq = start; seq < start + CHUNK; seq += 1) {
        try {
          this.#walk(records.all(seq, 1) as RecordRow[])
        } catch (narrow) {
          if (narrow instanceof Tampered) throw narrow
          throw new Tampered(
            seq,
            `record ${seq} cannot be read: the file is damaged there (${String(narrow)})`,
          )
        }
      }
      throw error
    }
  }

  /** Of pruned records there are only hashes: that these are the right ones is for the checkpoints to say. */
  #walkPruned(): void {
    const leaves = this.#database.prepare('SELECT seq, leaf FROM pruned WHERE seq >= ? ORDER BY seq LIMIT ?')
    let from: number | bigint = LOWEST
    for (let more = true; more; from = this.frontier.size) {
      const rows = leaves.all(from, CHUNK) as LeafRow[]
      more = rows.length === CHUNK
      this.#append(rows)
    }
    this.#pruned = this.frontier.size
  }

  /** Whoever takes a record out and leaves its hash has not pruned: that is on record, in a record that stays. */
  #mustBeToldOf(pruned: number): void {
    if (pruned === 0) return
    // Whoever can write the file can write such a record, too, and cannot sign it.
    const believed = this.#keys.length > 0 ? this.#signedUpTo : this.frontier.size
    const texts = this.#database
      .prepare("SELECT bytes FROM record WHERE kind = 'log-pruned' AND seq < ?")
      .all(believed)
    const told = texts.map(row => Number(JSON.parse((row as { bytes: string }).bytes).pruned_to) || 0)
    const most = Math.max(0, ...told)
    if (most >= pruned) return
    throw new Tampered(
      most,
      `records ${most} to ${pruned - 1} were taken out, and no ${this.#keys.length > 0 ? 'signed ' : ''}record says that they were pruned`,
    )
  }

  #walk(rows: readonly RecordRow[]): void {
    this.#append(rows, row => {
      const fault = recordFault(row.bytes, row.seq)
      if (fault !== undefined) return fault
      const isRight = sameHash(leafHash(row.bytes), row.leaf)
      return isRight ? undefined : 'its bytes do not have the hash that was kept of them'
    })
  }

  /** Takes rows into the tree, in their order, and compares every checkpoint on the way. */
  #append<Row extends LeafRow>(
    rows: readonly Row[],
    faultOf: (row: Row) => string | undefined = () => undefined,
  ): void {
    const checkpoints = this.#checkpointsIn(this.frontier.size, this.frontier.size + rows.length)
    let next = checkpoints.shift()
    for (const row of rows) {
      const seq = this.frontier.size
      if (row.seq !== seq) throw new Tampered(seq, missing(seq, row.seq))
      const fault = faultOf(row)
      if (fault !== undefined) throw new Tampered(seq, `record ${seq} was changed: ${fault}`)
      this.frontier.append(row.leaf)
      if (next?.size === this.frontier.size) {
        this.#compare(next)
        next = checkpoints.shift()
      }
      if (this.#held?.size === this.frontier.size) this.#compareHeld(this.#held, this.frontier.root())
      this.#mustBeSealed()
    }
  }

  /** A log has a checkpoint after so many records at the latest, with a key or without: one that is not there was taken out. */
  #mustBeSealed(): void {
    const { size } = this.frontier
    if (size - this.#sealed < RECORDS_PER_CHECKPOINT) return
    throw new Tampered(
      this.#sealed,
      `a checkpoint was removed: there must be one of ${size} records at the latest after the one of ${this.#sealed}`,
    )
  }

  #checkpointsIn(from: number, to: number): CheckpointRow[] {
    return this.#database
      .prepare('SELECT size, root, frontier, note FROM checkpoint WHERE size > ? AND size <= ? ORDER BY size')
      .all(from, to) as CheckpointRow[]
  }

  /** Compares a checkpoint of the log with what the records say. */
  #compare({ size, root, frontier, note }: CheckpointRow): void {
    const found = this.frontier.root()
    this.#sealed = size
    const checkpoint = note === null ? undefined : parseCheckpoint(note)
    if (note !== null && checkpoint === undefined) throw this.#forged(size, 'its note is not a checkpoint')
    const signer = checkpoint && this.#keys.find(key => isSignedBy(checkpoint.note, key))
    if (checkpoint && this.#keys.length > 0) {
      if (signer === undefined) throw this.#forged(size, 'its signature is not by the public key')
      if (checkpoint.origin !== signer.name)
        throw this.#forged(size, `it is of another log, ${checkpoint.origin}`)
    }
    if (checkpoint && checkpoint.size !== size)
      throw this.#forged(size, `its note is of ${checkpoint.size} records`)
    if (checkpoint && !sameHash(checkpoint.root, found)) throw this.#changed(size, 'the checkpoint')
    if (!sameHash(root, found)) throw this.#changed(size, 'the checkpoint')
    if (!sameHash(frontier, this.frontier.bytes()))
      throw this.#forged(size, 'its right edge does not fit its root')
    if (signer) {
      if (size - this.#signedUpTo > RECORDS_PER_CHECKPOINT)
        this.#signedLate.push({ from: this.#signedUpTo, to: size })
      this.#signedUpTo = size
    }
    // With a key at hand, an unsigned checkpoint proves nothing: whoever changes a record can write a new one.
    if (signer || this.#keys.length === 0) this.#agreed = size
  }

  #compareHeld(held: CheckpointNote, found: Uint8Array): void {
    if (!sameHash(held.root, found)) throw this.#changed(held.size, 'the checkpoint that was kept elsewhere')
    this.#agreed = held.size
    if (this.#keys.length > 0) this.#signedUpTo = held.size
  }

  #mustReach(size: number, what: string): void {
    const end = this.frontier.size
    if (size > end)
      throw new Tampered(end, `the log was cut: it has ${end} records, and ${what} covers ${size}`)
  }

  #changed(size: number, what: string): Tampered {
    const range = `records ${this.#agreed} to ${size - 1}`
    return new Tampered(
      this.#agreed,
      `${range}: at least one of them was changed with its hash, or ${what} of ${size} records was`,
    )
  }

  #forged(size: number, reason: string): Tampered {
    return new Tampered(
      this.#agreed,
      `the checkpoint of ${size} records was changed or forged: ${reason}; nothing vouches for records ${this.#agreed} to ${size - 1}`,
    )
  }
}

function missing(expected: number, found: number): string {
  return found > expected
    ? `record ${expected} is missing: the next one that is there is ${found}`
    : `a record ${found} stands before the first`
}
