import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { type Readable, SCHEMA_VERSION, versionOf } from './schema.ts'
import { mustBeOurTables } from './structure.ts'

/** An open file and how to let go of it. */
type Reader = Readable & { exec(sql: string): unknown; close(): unknown }

/**
 * A log opened to be looked at and not touched: the live file, a copy, or a copy with its write-ahead log (`-wal`) in a
 * folder where nothing can be written. What the write-ahead log holds is read in all cases.
 */
export class Evidence implements Disposable {
  readonly database: Readable
  readonly #reader: Reader
  /** Whether the log was opened on the word that nobody writes to it. */
  readonly #isStill: boolean
  readonly #path: string
  /** What the names led to when the log was opened. */
  readonly #traces: string
  readonly #inode: number
  readonly #folder: string | undefined

  private constructor(reader: Reader, path: string, isStill: boolean, folder?: string) {
    this.database = reader
    this.#reader = reader
    this.#path = path
    this.#isStill = isStill
    this.#traces = tracesOf(path)
    this.#inode = statSync(path).ino
    this.#folder = folder
  }

  /** Opens the log at `path`. Throws what SQLite and the file system throw, AuditFailure when it is no log of ours, and ChangedTables. */
  static open(path: string): Evidence {
    if (statSync(path).isDirectory()) throw new Error(directoryWords(path))
    accessSync(path, constants.R_OK)
    const evidence = Evidence.#reach(path)
    try {
      evidence.#reader.exec(HARDENING)
      if (versionOf(evidence.database, path) !== SCHEMA_VERSION)
        throw new Error(`${path} is empty: there is no log in it`)
      mustBeOurTables(evidence.database)
      return evidence
    } catch (error) {
      evidence[Symbol.dispose]()
      throw error
    }
  }

  /** Whether a writer came to a log of which it was believed that nobody writes to it: what was read may be a mixture. */
  wasDisturbed(): boolean {
    return this.#isStill && tracesOf(this.#path) !== this.#traces
  }

  /** Whether the log may hold more than can be read here: it was opened as a still or copied file, and somebody wrote since; or another is in its place. */
  isOutdated(): boolean {
    const isLive = !this.#isStill && this.#folder === undefined
    if (isLive) return statSync(this.#path, { throwIfNoEntry: false })?.ino !== this.#inode
    return tracesOf(this.#path) !== this.#traces
  }

  /**
   * Copies the log as it is at one moment into one file, which needs no other beside it; durable when this resolves. Rejects with
   * what SQLite and the file system say, and leaves no half of a file.
   */
  async copyTo(path: string): Promise<void> {
    // Made first, for its owner alone: SQLite would give it the mode of the moment, and take one that is there.
    closeSync(openSync(path, 'wx', 0o600))
    try {
      if (this.#reader instanceof Database) await this.#reader.backup(path, { progress: () => ALL_PAGES })
      else copyFileSync(this.#path, path)
      if (this.wasDisturbed()) throw new Error('the agent opened the log while it was copied: run this again')
      makeDurable(path)
    } catch (error) {
      for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true })
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#reader.close()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  /** In place when a writer's files lie beside it; unchanged on the disk when there are none; else from a copy of its own. */
  static #reach(path: string): Evidence {
    const walSize = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
    const isInUse = existsSync(`${path}-shm`)
    if (!isInUse && walSize === 0) return new Evidence(openImmutable(path), path, true)
    if (isInUse) {
      try {
        return new Evidence(openShared(path), path, false)
      } catch (error) {
        if (!isOutOfReach(error)) throw error
      }
    }
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-verify-'))
    try {
      const copy = join(folder, basename(path))
      copyFileSync(path, copy)
      if (walSize > 0) copyFileSync(`${path}-wal`, `${copy}-wal`)
      return new Evidence(openShared(copy), path, false, folder)
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }
}

/** The name of a log's file, as the agent makes it in its state directory. */
const LOG_FILE = 'audit.db'

function directoryWords(path: string): string {
  const inside = join(path, LOG_FILE)
  const next = existsSync(inside)
    ? `say ${inside}`
    : `expected the log's file, ${LOG_FILE}, which is not in it`
  return `${path} is a directory: ${next}`
}

/** In one step: a backup in several begins anew whenever somebody writes in between. */
const ALL_PAGES = 0x7fff_ffff

function makeDurable(path: string): void {
  for (const each of [path, dirname(path)]) {
    const file = openSync(each, 'r')
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }
}

/** Changes with everything that a writer does to the files of a log, its coming and going included. */
function tracesOf(path: string): string {
  return ['', '-wal', '-shm']
    .map(end => statSync(`${path}${end}`, { throwIfNoEntry: false }))
    .map(found => (found ? `${found.ino} ${found.size} ${found.mtimeMs}` : 'none'))
    .join()
}

/** The file may have been made to attack whoever reads it. */
const HARDENING = 'PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON'

/**
 * Nobody writes: SQLite is told so, makes no files beside the log and needs no lock. Only Node's own SQLite takes such a
 * name. It must not open a file that the writer has open in this very process: closing it would drop the writer's locks.
 */
function openImmutable(path: string): Reader {
  return new DatabaseSync(`${pathToFileURL(path).href}?immutable=1`, { readOnly: true })
}

function openShared(path: string): Reader {
  const database = new Database(path, { readonly: true, fileMustExist: true })
  try {
    // The file is opened when it is first read.
    database.pragma('user_version')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Whether SQLite could not make or open the shared memory beside the file. */
function isOutOfReach(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY')
}
