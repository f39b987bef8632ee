import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import {
  type AuditLog,
  type AuditLogOptions,
  type AuditTrouble,
  openAuditLog,
} from '../../../agent/audit/log.ts'
import { formatVkey, signerFrom, verifierOf } from '../../../agent/audit/note.ts'
import { stampEntry } from '../../../agent/audit/record.ts'
import { AuditStore, type Candidate, type SealedCheckpoint } from '../../../agent/audit/store.ts'
import type { AuditEntry, AuditKind } from '../../../model/audit.ts'
import type { Clock } from '../../../model/time.ts'

export const SIGNER = signerFrom('plant/gateway-1', Buffer.alloc(32, 7))
export const VKEY = formatVkey(verifierOf(SIGNER))
export const START = Date.UTC(2026, 0, 1)

/** A folder of its own that goes away with the test. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'holdfast-audit-'))

  /** Path of the log in it. */
  get log(): string {
    return join(this.path, 'audit.db')
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** A clock that stands until it is moved. */
export class ManualClock implements Clock {
  #now = 0
  #sleepers: { until: number; wake: () => void }[] = []

  wall = () => START + this.#now
  monotonic = () => this.#now

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const sleeper = { until: this.#now + ms, wake: resolve }
    if (signal?.aborted) resolve()
    else this.#sleepers.push(sleeper)
    signal?.addEventListener('abort', () => resolve(), { once: true })
    return promise
  }

  advance(ms: number): void {
    this.#now += ms
    const due = this.#sleepers.filter(({ until }) => until <= this.#now)
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#now)
    for (const { wake } of due) wake()
  }
}

/** An open log with its clock and what it told. */
export class OpenLog implements AsyncDisposable {
  readonly log: AuditLog
  readonly clock: ManualClock
  /** Every trouble and recovery, in order. */
  readonly troubles: readonly AuditTrouble[]
  /** Every checkpoint that it gave away, in order. */
  readonly checkpoints: readonly SealedCheckpoint[]

  private constructor(
    log: AuditLog,
    clock: ManualClock,
    troubles: readonly AuditTrouble[],
    checkpoints: readonly SealedCheckpoint[],
  ) {
    this.log = log
    this.clock = clock
    this.troubles = troubles
    this.checkpoints = checkpoints
  }

  static async open(path: string, more: Partial<AuditLogOptions> = {}): Promise<OpenLog> {
    const clock = new ManualClock()
    const troubles: AuditTrouble[] = []
    const checkpoints: SealedCheckpoint[] = []
    const opened = await openAuditLog({
      path,
      boot: 'boot-1',
      clock,
      mode: 'create',
      onTrouble: trouble => troubles.push(trouble),
      onCheckpoint: checkpoint => checkpoints.push(checkpoint),
      ...more,
    })
    if (opened.kind !== 'opened') throw new Error(`${opened.kind}: ${opened.detail}`)
    return new OpenLog(opened.log, clock, troubles, checkpoints)
  }

  /** Lets time pass until the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      this.clock.advance(100)
      await turn()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log[Symbol.asyncDispose]()
  }
}

/** An entry with the members that a test is about: the log keeps what it is given, and only the compiler asks for all. */
export function entry(kind: AuditKind, members: { readonly [member: string]: unknown } = {}): AuditEntry {
  return { kind, ...members } as unknown as AuditEntry
}

/** The n-th of some commands. */
export function intent(index: number): AuditEntry {
  return entry('command-intent', {
    credential: `credential-${index % 3}`,
    actuator: `valve-${index % 2}`,
    setpoint: 'open',
    nonce: `nonce-${index}`,
    created: START / 1000 + index,
  })
}

export function candidate(index: number, wanted = true): Candidate {
  return { stamped: stampEntry(intent(index), START + index * 1000, index), wanted }
}

/** A closed log of so many records with a signed checkpoint after every `every` of them, and none after the last ones. */
export function writeLog(path: string, records: number, every: number, entryOf = intent): void {
  using store = new AuditStore(path, 'boot-1', 'create', undefined)
  for (let index = 0; index < records; index += 1) {
    const stamped = stampEntry(entryOf(index), START + index * 1000, index)
    store.append(index, [{ stamped, wanted: true }], (index + 1) % every === 0, SIGNER)
  }
}

/** Opens the file the way an attacker does: for writing, with nothing in the way, and nothing left behind but the change. */
export function tamper(path: string, change: (database: Database.Database) => void): void {
  const database = new Database(path)
  try {
    const triggers = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all()
    for (const { name } of triggers as { name: string }[]) database.exec(`DROP TRIGGER ${name}`)
    change(database)
    for (const { sql } of triggers as { sql: string }[]) database.exec(sql)
  } finally {
    database.close()
  }
}

/** Copies the log with its write-ahead log, as an auditor takes it away. */
export function copyLog(from: string, to: string): void {
  copyFileSync(from, to)
  if (existsSync(`${from}-wal`)) copyFileSync(`${from}-wal`, `${to}-wal`)
}

/** All records of a log, parsed, in order; also while it is open. */
export function readRecords(path: string): { readonly [member: string]: unknown }[] {
  const database = new Database(path, { readonly: true })
  try {
    const texts = database.prepare('SELECT bytes FROM record ORDER BY seq').pluck().all() as string[]
    return texts.map(text => JSON.parse(text))
  } finally {
    database.close()
  }
}
