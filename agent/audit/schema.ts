import { accessSync, closeSync, constants, fsyncSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { AuditFailure } from './failure.ts'

/** Marks the file as a holdfast audit log: "hfal" in ASCII (SQLite file format §1.3.14). */
export const APPLICATION_ID = 0x6866_616c
/** Version of the tables below. A program never writes a version that it does not know. */
export const SCHEMA_VERSION = 2

/** How long a lock of another program is waited for. */
const LOCK_WAIT_MS = 2000
/** Pages of the write-ahead log before SQLite moves them into the file: rarer than its 1000, as every append touches several. */
const WAL_PAGES = 4000
/** PRAGMA synchronous reads back as a number; 2 is FULL. */
const SYNCHRONOUS_FULL = 2

/**
 * The columns behind the indexes are computed from the bytes and stored nowhere but in the index: the bytes stay the one
 * place where anything is said. `actor` is who did it: of a credential that was issued, its issuer. The triggers stop a
 * slip of the hand, not an attacker; the tree is there for that. `pruned` keeps the hashes of records that were archived.
 */
const TABLES = `
  CREATE TABLE record (
    seq        INTEGER PRIMARY KEY,
    bytes      TEXT NOT NULL,
    leaf       BLOB NOT NULL CHECK (length(leaf) = 32),
    time       TEXT GENERATED ALWAYS AS (bytes ->> '$.time') VIRTUAL,
    kind       TEXT GENERATED ALWAYS AS (bytes ->> '$.kind') VIRTUAL,
    actor      TEXT GENERATED ALWAYS AS (coalesce(bytes ->> '$.issuer', bytes ->> '$.by', bytes ->> '$.subject')) VIRTUAL,
    credential TEXT GENERATED ALWAYS AS (bytes ->> '$.credential') VIRTUAL,
    actuator   TEXT GENERATED ALWAYS AS (bytes ->> '$.actuator') VIRTUAL,
    outcome    TEXT GENERATED ALWAYS AS (bytes ->> '$.outcome') VIRTUAL,
    nonce      TEXT GENERATED ALWAYS AS (bytes ->> '$.nonce') VIRTUAL,
    created    ANY  GENERATED ALWAYS AS (bytes ->> '$.created') VIRTUAL
  ) STRICT;
  CREATE INDEX record_time       ON record (time);
  CREATE INDEX record_kind       ON record (kind, time);
  CREATE INDEX record_actor      ON record (actor, time) WHERE actor IS NOT NULL;
  CREATE INDEX record_credential ON record (credential, time) WHERE credential IS NOT NULL;
  CREATE INDEX record_actuator   ON record (actuator, time) WHERE actuator IS NOT NULL;
  CREATE INDEX record_outcome    ON record (outcome, time) WHERE outcome IS NOT NULL;
  CREATE INDEX record_nonce      ON record (created) WHERE nonce IS NOT NULL;
  CREATE TRIGGER record_stays    BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'audit records are not deleted'); END;
  CREATE TRIGGER record_holds    BEFORE UPDATE ON record BEGIN SELECT RAISE(ABORT, 'audit records are not changed'); END;
  CREATE TABLE checkpoint (
    size     INTEGER PRIMARY KEY,
    root     BLOB NOT NULL CHECK (length(root) = 32),
    frontier BLOB NOT NULL,
    note     TEXT
  ) STRICT;
  CREATE TABLE pruned (
    seq  INTEGER PRIMARY KEY,
    leaf BLOB NOT NULL CHECK (length(leaf) = 32)
  ) STRICT;
`

/** Whether the log may be made when there is none. */
export type OpenMode = 'create' | 'existing'

export interface OpenedDatabase {
  readonly database: Database.Database
  readonly created: boolean
}

/**
 * Opens the log's file for writing, durable to the last commit: `journal_mode=WAL`, then `synchronous=FULL`, in that
 * order because switching to WAL lowers the other, and both read back. Throws AuditFailure or SqliteError.
 */
export function openDatabase(path: string, mode: OpenMode): OpenedDatabase {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) makeFile(path, mode)
  else if (!found.isFile()) throw corrupt(`${path} is not a file`)
  // Asked first because SQLite says only that it "cannot open", as it makes files beside this one.
  for (const needed of [dirname(path), path]) accessSync(needed, constants.W_OK)
  const database = new Database(path, { fileMustExist: true, timeout: LOCK_WAIT_MS })
  try {
    const version = versionOf(database, path)
    if (version === undefined && mode === 'existing') throw corrupt(`${path} is empty: there is no log in it`)
    makeDurable(database)
    if (version === undefined) makeTables(database)
    return { database, created: version === undefined }
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * A second connection to a log that is open for writing, for reading alone: a page that is damaged fails a question on it, and nothing
 * that is written. Throws SqliteError.
 */
export function openForReading(path: string): Database.Database {
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_WAIT_MS })
  database.pragma('trusted_schema = OFF')
  database.pragma('cell_size_check = ON')
  return database
}

/** As much of a database as reading takes: what two libraries for SQLite have in common. */
export interface Readable {
  prepare(sql: string): { all(...parameters: (number | bigint | string)[]): unknown[] }
}

const IDENTITY = `
  SELECT (SELECT application_id FROM pragma_application_id) AS application,
         (SELECT user_version FROM pragma_user_version) AS version,
         (SELECT count(*) FROM sqlite_schema) AS objects
`

/**
 * The schema version of a holdfast audit log; undefined when the file holds nothing at all yet. Throws AuditFailure when
 * the file is something else, or newer than this program.
 */
export function versionOf(database: Readable, path: string): number | undefined {
  const [identity] = database.prepare(IDENTITY).all()
  const { application, version, objects } = identity as Record<'application' | 'version' | 'objects', number>
  if (application === 0 && version === 0 && objects === 0) return undefined
  if (application !== APPLICATION_ID) throw corrupt(`${path} is a database, but not a holdfast audit log`)
  if (version !== SCHEMA_VERSION) {
    const writer = version > SCHEMA_VERSION ? 'newer' : 'older'
    throw new AuditFailure({
      kind: 'foreign',
      detail: `${path} has schema ${version}, and this program knows ${SCHEMA_VERSION}: ${writer === 'newer' ? 'a newer' : 'an older'} holdfast wrote it`,
      remedy: `run the ${writer} holdfast, or start a new log and keep this one as it is`,
    })
  }
  return version
}

/** Sets both switches in the order that works, and believes only what is read back. */
function makeDurable(database: Database.Database): void {
  const journal = database.pragma('journal_mode = WAL', { simple: true })
  database.pragma('synchronous = FULL')
  const synchronous = database.pragma('synchronous', { simple: true })
  if (journal !== 'wal' || synchronous !== SYNCHRONOUS_FULL) {
    throw new AuditFailure({
      kind: 'unwritable',
      detail: `SQLite does not keep commits here: journal_mode is ${String(journal)}, synchronous is ${String(synchronous)}`,
      remedy: 'put the audit log on a local file system (ext4, xfs): write-ahead logging needs shared memory',
    })
  }
  database.pragma(`wal_autocheckpoint = ${WAL_PAGES}`)
  // No older copy of a record stays in the free space of a page: whoever looks at the bytes finds each record once. FAST writes no page more.
  database.pragma('secure_delete = FAST')
  database.pragma('trusted_schema = OFF')
  database.pragma('cell_size_check = ON')
}

/** Makes an empty file that only its owner can read; SQLite gives its mode to the files beside it. */
function makeFile(path: string, mode: OpenMode): void {
  if (mode === 'existing') {
    throw new AuditFailure({
      kind: 'missing',
      detail: `there is no audit log at ${path}`,
      remedy:
        'put the log back from its backup; an agent that starts without one begins a new one, and says so',
    })
  }
  closeSync(openSync(path, 'ax', 0o600))
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** Makes the tables of an empty log. Whoever changes them gives them another version. */
export function makeTables(database: Database.Database): void {
  database
    .transaction(() => {
      database.exec(TABLES)
      database.pragma(`application_id = ${APPLICATION_ID}`)
      database.pragma(`user_version = ${SCHEMA_VERSION}`)
    })
    .exclusive()
}

function corrupt(detail: string): AuditFailure {
  return new AuditFailure({
    kind: 'corrupt',
    detail,
    remedy: 'keep the file as it is for whoever looks into it, and put the log back from its backup',
  })
}
