import Database from 'better-sqlite3'
import { AuditFailure, DAMAGE } from './failure.ts'
import { makeTables, type Readable } from './schema.ts'

/** What is wrong with a log's indexes, though its records are what was written. */
export interface StructureFault {
  /** The first record that a search would miss or find wrongly; undefined when it is not about single records. */
  readonly at: number | undefined
  readonly detail: string
}

interface SchemaObject {
  readonly type: string
  readonly name: string
  readonly sql: string | null
}

/** The log's tables are not the ones that this program makes: what a query on them would do, nobody knows before. */
export class ChangedTables extends AuditFailure {
  constructor(changes: readonly string[]) {
    super({ kind: 'corrupt', detail: `its tables were changed: ${changes.join(', ')}`, remedy: DAMAGE })
  }
}

/** What SQLite keeps for itself, as it makes it: statistics and counts change no answer. Whatever else has such a name was planted. */
const OF_SQLITE: Readonly<Record<string, string>> = {
  sqlite_stat1: 'CREATE TABLE sqlite_stat1(tbl,idx,stat)',
  sqlite_stat4: 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)',
  sqlite_sequence: 'CREATE TABLE sqlite_sequence(name,seq)',
}

/** Findings that are asked for at most: enough to name the first record in all but a wrecked file. */
const FINDINGS_MAX = 1000
const ROW = /\brow (\d+)\b/

/**
 * Throws ChangedTables unless tables, indexes and triggers are as this program makes them. Asked before anything else: a table may have become
 * a view that never ends, and a trigger can keep a record out that was acknowledged. Reads nothing but the schema.
 */
export function mustBeOurTables(database: Readable): void {
  const changed = changedObjects(database)
  if (changed.length > 0) throw new ChangedTables(changed)
}

/**
 * Says what keeps the log's own search from finding what the records say: an index that leaves something out, a page that is damaged.
 * Reads every index against every record, which takes longer than reading the records.
 */
export function structureFault(database: Readable): StructureFault | undefined {
  const findings = database
    .prepare(`PRAGMA integrity_check(${FINDINGS_MAX})`)
    .all()
    .map(row => String(Object.values(row as object)[0]))
  if (findings.length === 1 && findings[0] === 'ok') return undefined
  // SQLite counts rows from 1, whatever their keys are.
  const [first] = database.prepare('SELECT min(seq) AS seq FROM record').all() as { seq: number | null }[]
  const seqOf = (row: string) => Number(row) - 1 + (first?.seq ?? 0)
  const places = findings.flatMap(finding => ROW.exec(finding)?.[1] ?? []).map(seqOf)
  const worst = findings[0]?.replace(ROW, (_, row: string) => `record ${seqOf(row)}`)
  return {
    at: places.length > 0 ? Math.min(...places) : undefined,
    detail: `its indexes do not fit the records, so a search would not find what is there: ${worst}${findings.length > 1 ? `, and ${findings.length - 1} more` : ''}`,
  }
}

/** Tables, indexes and triggers that are not as this program makes them: missing, other, or added. */
function changedObjects(database: Readable): string[] {
  using expected = new Reference()
  const ours = new Map(expected.objects().map(object => [object.name, object]))
  const theirs = new Map(objectsIn(database).map(object => [object.name, object]))
  return [
    ...[...ours.values()].flatMap(({ name, type, sql }) => {
      const found = theirs.get(name)
      if (!found) return [`${type} ${name} is missing`]
      return found.type === type && found.sql === sql ? [] : [`${type} ${name} is another`]
    }),
    ...[...theirs.values()]
      .filter(({ name }) => !ours.has(name))
      .map(({ type, name }) => `${type} ${name} was added`),
  ]
}

/** All but SQLite's own. */
function objectsIn(database: Readable): SchemaObject[] {
  const objects = database.prepare('SELECT type, name, sql FROM sqlite_schema').all() as SchemaObject[]
  return objects.filter(({ type, name, sql }) => type !== 'table' || sql !== OF_SQLITE[name])
}

/** An empty log in memory, as this program makes one. */
class Reference implements Disposable {
  readonly #database = new Database(':memory:')

  objects(): SchemaObject[] {
    makeTables(this.#database)
    return objectsIn(this.#database)
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
