import type { AuditKind } from '../../model/audit.ts'
import type { UnixMs } from '../../model/time.ts'
import type { Readable } from './schema.ts'

/** What is searched for. A member that is absent does not narrow. */
export interface Search {
  /** Who did it. */
  readonly actor?: string
  /** Whose credential was issued, or whose were revoked. */
  readonly subject?: string
  /** The credential's serial. */
  readonly credential?: string
  readonly actuator?: string
  readonly kind?: string
  readonly outcome?: string
  /** The wall clock of the record, from this moment on. */
  readonly since?: UnixMs
  /** And before this one. */
  readonly until?: UnixMs
}

/** A record that was found: its place and its canonical JSON. */
export interface FoundRecord {
  readonly seq: number
  readonly text: string
}

interface Row {
  readonly seq: number
  readonly time: string
  readonly bytes: string
}

/** Records read at a time. No transaction is held between two readings: a long reader would keep a live log from tidying up. */
const PAGE = 1024

/**
 * Kinds that tell what was done about somebody's credentials. They have no index of their subject: they are few in any log, so all of them
 * are looked through by that of their kind.
 */
const ABOUT_SUBJECTS: readonly AuditKind[] = ['credential-issued', 'revocation']
const IS_ABOUT = `kind IN (${ABOUT_SUBJECTS.map(kind => `'${kind}'`).join(', ')}) AND bytes ->> '$.subject' = ?`

/** The columns that can be asked for, the most telling first: the first that is asked for has its index used. */
const COLUMNS = ['credential', 'actor', 'actuator', 'outcome', 'kind'] as const

/**
 * Finds records by their wall clock, which is not always their order: somebody may have set it back. Gives at most `most`
 * of them, and takes milliseconds however long the log is. Throws what SQLite throws. What it finds is what the file
 * says: whether that is what was written is for `verifyAuditLog` to say.
 */
export function* searchRecords(
  database: Readable,
  search: Search,
  order: 'oldest-first' | 'newest-first',
  most: number,
): Generator<FoundRecord> {
  const asked = COLUMNS.filter(column => search[column] !== undefined)
  const index = search.subject === undefined ? (asked[0] ?? 'time') : 'kind'
  const bounds = [
    ...(search.subject === undefined ? [] : [{ test: IS_ABOUT, value: search.subject }]),
    ...(search.since === undefined ? [] : [{ test: 'time >= ?', value: iso(search.since) }]),
    ...(search.until === undefined ? [] : [{ test: 'time < ?', value: iso(search.until) }]),
  ]
  const [comparison, direction] = order === 'oldest-first' ? ['>', 'ASC'] : ['<', 'DESC']
  const page = (tests: readonly string[]) =>
    database.prepare(
      `SELECT seq, time, bytes FROM record INDEXED BY record_${index}
       WHERE ${['time IS NOT NULL', ...tests].join(' AND ')} ORDER BY time ${direction}, seq ${direction} LIMIT ?`,
    )
  const tests = [...asked.map(column => `${column} = ?`), ...bounds.map(({ test }) => test)]
  const values = [...asked.map(column => search[column] ?? ''), ...bounds.map(({ value }) => value)]
  const first = page(tests)
  const next = page([...tests, `(time, seq) ${comparison} (?, ?)`])
  let last: Row | undefined
  for (let left = most; left > 0; ) {
    const count = Math.min(left, PAGE)
    const rows = (
      last === undefined ? first.all(...values, count) : next.all(...values, last.time, last.seq, count)
    ) as Row[]
    for (const { seq, bytes } of rows) yield { seq, text: bytes }
    if (rows.length < count) return
    last = rows.at(-1)
    left -= rows.length
  }
}

/** The records after a place, in their order, at most so many; `-1` begins at the first. */
export function recordsAfter(database: Readable, seq: number, most: number): FoundRecord[] {
  const rows = database
    .prepare('SELECT seq, bytes FROM record WHERE seq > ? ORDER BY seq LIMIT ?')
    .all(seq, most) as Pick<Row, 'seq' | 'bytes'>[]
  return rows.map(row => ({ seq: row.seq, text: row.bytes }))
}

/**
 * The last record of one kind, of those before a place, by its own place and not by its time, as somebody may have set the clock back;
 * undefined when there is none.
 */
export function latestOf(
  database: Readable,
  kind: string,
  before = Number.MAX_SAFE_INTEGER,
): FoundRecord | undefined {
  // By the index: a kind that is rare or not there at all must not cost a walk through the whole log.
  const [row] = database
    .prepare(
      'SELECT seq, bytes FROM record WHERE seq = (SELECT max(seq) FROM record INDEXED BY record_kind WHERE kind = ? AND seq < ?)',
    )
    .all(kind, before) as Pick<Row, 'seq' | 'bytes'>[]
  return row && { seq: row.seq, text: row.bytes }
}

/** The place of the last record; -1 when there is none. */
export function lastSeq(database: Readable): number {
  const [row] = database.prepare('SELECT max(seq) AS seq FROM record').all()
  return (row as { seq: number | null }).seq ?? -1
}

function iso(moment: UnixMs): string {
  return new Date(moment).toISOString()
}
