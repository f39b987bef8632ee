import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { Evidence } from '../agent/audit/evidence.ts'
import { formatVkey, signerFrom, verifierOf } from '../agent/audit/note.ts'
import { stampEntry } from '../agent/audit/record.ts'
import { searchRecords } from '../agent/audit/search.ts'
import { AuditStore, type Candidate } from '../agent/audit/store.ts'
import { verifyAuditLog } from '../agent/audit/verify.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Folder } from './folder.ts'
import { NODE, Program } from './program.ts'
import { interleave, Sample, timeEach } from './sample.ts'

const MILLION = 1_000_000
const BATCH = 512
const CREDENTIALS = 5000
const BEGAN = Date.UTC(2026, 0, 1)
const QUERIES = 50
const FOUR_DAYS = 4 * 86_400_000
/** From one credential to one whose records are on other pages. */
const STRIDE = 41
const OPENINGS = 5
const HOLD_LOG = fileURLToPath(new URL('./programs/hold-log.ts', import.meta.url))
const SIGNER = signerFrom('bench/bench-1', randomBytes(32))

/** A log of a million records: how large it is, how fast something is found in it, and how long it takes to verify. */
export async function measureMillion(run: Run): Promise<Figure[]> {
  return await measureLarge(run, MILLION, 'a million', path => measureVerification(path))
}

/** The same of five million, as some years leave them, but for the verification: that takes five times as long. */
export async function measureFiveMillion(run: Run): Promise<Figure[]> {
  return await measureLarge(run, 5 * MILLION, 'five million', () => [])
}

async function measureLarge(
  { signal, progress }: Run,
  records: number,
  words: string,
  verify: (path: string) => Figure[],
): Promise<Figure[]> {
  await using folder = await Folder.make()
  const path = join(folder.path, 'audit.db')
  progress(`writing ${words} records (about a minute for each million)`)
  write(path, records, signal)
  progress('looking for records')
  const query = await measureQuery(path, words, signal)
  progress('verifying (about a minute for a million)')
  signal.throwIfAborted()
  const figures = [measureSize(path, records, words), query, ...verify(path)]
  progress('opening it as the agent does')
  return [...figures, ...(await measureHolding(path, folder.path, words, signal))]
}

function write(path: string, records: number, signal: AbortSignal): void {
  using store = new AuditStore(path, randomUUID(), 'create', undefined)
  for (let from = 0; from < records; from += BATCH) {
    signal.throwIfAborted()
    const count = Math.min(BATCH, records - from)
    const batch = Array.from({ length: count }, (_, index) => candidate(from + index))
    store.append(from, batch, from + count === records, SIGNER)
  }
}

/** Intents and outcomes in turn, a second apart, as an agent writes them. */
function candidate(index: number): Candidate {
  const about = {
    command: randomUUID(),
    actuator: `valve-${index % 20}`,
    asked: 'open',
    subject: `operator-${index % 50}`,
    credential: credentialOf(index),
    channel: 'plant-lan',
    source: '10.1.2.3',
  }
  const entry =
    index % 2 === 0
      ? ({ kind: 'command-intent', ...about, towards_safe: false, ...signature(index) } as const)
      : ({
          kind: 'command-outcome',
          ...about,
          outcome: 'verified',
          found: 'open',
          latency_ms: 80.125,
        } as const)
  return { stamped: stampEntry(entry, BEGAN + index * 1000, index * 1000), wanted: true }
}

function credentialOf(index: number): string {
  return String(index % CREDENTIALS).padStart(16, 'A')
}

function signature(index: number): { readonly nonce: string; readonly created: number } {
  return { nonce: randomBytes(16).toString('base64url'), created: BEGAN / 1000 + index }
}

/**
 * One credential within four days, some seventy records, from opening the file on; against its rows by their number. Each time
 * another credential on both sides: its rows are each on a page of their own, and most of those must come from the disk.
 */
async function measureQuery(path: string, words: string, signal: AbortSignal): Promise<Figure> {
  const since = BEGAN + FOUR_DAYS
  const find = (nth: number) => {
    using evidence = Evidence.open(path)
    const search = { credential: credentialOf(nth), since, until: since + FOUR_DAYS }
    return [...searchRecords(evidence.database, search, 'newest-first', 100)].length
  }
  using bare = new Rows(path)
  let turn = 0
  let rows = 0
  const sides = {
    ours: async () =>
      await timeEach(1, async () => {
        rows = find(STRIDE * turn++)
      }),
    limit: async () => await timeEach(1, async () => bare.read(rowsOf(STRIDE * turn++))),
  }
  const { ours, limit } = await interleave(QUERIES, sides, signal)
  const again = new Sample(await timeEach(QUERIES, async () => find(0)))
  return figure({
    name: `query by credential and time in ${words} records`,
    unit: 'ms',
    ours: ours.median,
    limit: limit.median,
    better: 'less',
    against: "reading another credential's rows of the open file by their numbers",
    p50: ours.median,
    p99: ours.percentile(99),
    also: { rows, 'the same again': again.median },
  })
}

/** The numbers of a credential's records within the four days that are asked for. */
function rowsOf(nth: number): number[] {
  const from = FOUR_DAYS / 1000
  const first = from + ((((nth - from) % CREDENTIALS) + CREDENTIALS) % CREDENTIALS)
  return Array.from(
    { length: Math.ceil((2 * from - first) / CREDENTIALS) },
    (_, index) => first + index * CREDENTIALS,
  )
}

/** What a process holds that keeps the log open as the agent does, against one whose log has just been begun. */
async function measureHolding(
  path: string,
  folder: string,
  words: string,
  signal: AbortSignal,
): Promise<Figure[]> {
  const large: Held[] = []
  const fresh: Held[] = []
  for (let round = 0; round < OPENINGS; round += 1) {
    signal.throwIfAborted()
    large.push(await hold(path))
    fresh.push(await hold(join(folder, `new-${round}.db`)))
  }
  const of = (name: string, unit: string, pick: (held: Held) => number) =>
    figure({
      name: `${name} with ${words} records`,
      unit,
      ours: new Sample(large.map(pick)).median,
      limit: new Sample(fresh.map(pick)).median,
      better: 'less',
      against: 'the same with a log that was just begun',
    })
  return [
    of('opening the log', 'ms', ({ openedMs }) => openedMs),
    of('JavaScript heap', 'MiB', ({ heapMib }) => heapMib),
    of('memory of the process (VmRSS)', 'MiB', ({ residentMib }) => residentMib),
  ]
}

interface Held {
  readonly openedMs: number
  readonly heapMib: number
  readonly residentMib: number
}

async function hold(path: string): Promise<Held> {
  await using program = new Program(NODE, ['--expose-gc', HOLD_LOG, path])
  const line = await program.line(found => 'heapMib' in found)
  await program.done()
  return line as unknown as Held
}

class Rows implements Disposable {
  readonly #database: Database.Database
  readonly #select: Database.Statement

  constructor(path: string) {
    this.#database = new Database(path, { readonly: true })
    this.#select = this.#database.prepare('SELECT bytes FROM record WHERE seq = ?')
  }

  read(rows: readonly number[]): void {
    for (const seq of rows) this.#select.get(seq)
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

function measureVerification(path: string): Figure[] {
  const publicKey = formatVkey(verifierOf(SIGNER))
  const records = timeOf(() => mustBeIntact(path, publicKey, true))
  const all = timeOf(() => mustBeIntact(path, publicKey, false))
  const limit = timeOf(() => hashAll(path))
  const against = 'reading every record and hashing it once (SHA-256), on one core'
  const seconds = (name: string, ours: number) =>
    figure({ name, unit: 's', ours, limit, better: 'less', against })
  return [
    seconds('verifying a million records', records),
    seconds('verifying a million records and every index', all),
  ]
}

function mustBeIntact(path: string, publicKey: string, recordsOnly: boolean): void {
  const verdict = verifyAuditLog({ path, publicKey, recordsOnly })
  if (verdict.kind !== 'intact') throw new Error(`${verdict.kind}: ${verdict.detail}`)
}

function hashAll(path: string): void {
  const database = new Database(path, { readonly: true })
  const rows = database.prepare('SELECT CAST(bytes AS BLOB) FROM record ORDER BY seq').pluck()
  for (const bytes of rows.iterate())
    createHash('sha256')
      .update(bytes as Buffer)
      .digest()
  database.close()
}

/** How long something takes, in seconds. */
function timeOf(work: () => void): number {
  const began = performance.now()
  work()
  return (performance.now() - began) / 1000
}

function measureSize(path: string, records: number, words: string): Figure {
  const database = new Database(path, { readonly: true })
  const length = database
    .prepare('SELECT avg(length(CAST(bytes AS BLOB))) FROM record')
    .pluck()
    .get() as number
  database.close()
  return figure({
    name: `size of the file, for each of ${words} records`,
    unit: 'bytes',
    ours: statSync(path).size / records,
    limit: length + 32,
    better: 'less',
    against: "the record's own bytes and its hash, without any index",
  })
}
