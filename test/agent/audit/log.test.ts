import assert from 'node:assert/strict'
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseCheckpoint } from '../../../agent/audit/checkpoint.ts'
import { type AuditLogOptions, openAuditLog } from '../../../agent/audit/log.ts'
import { isSignedBy, parseVkey } from '../../../agent/audit/note.ts'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import {
  entry,
  Folder,
  intent,
  ManualClock,
  OpenLog,
  readRecords,
  SIGNER,
  START,
  VKEY,
  writeLog,
} from './fixture.ts'

const options = (path: string): AuditLogOptions => ({
  path,
  boot: 'boot-1',
  clock: new ManualClock(),
  mode: 'existing',
  onTrouble: () => undefined,
})

describe('the audit log', () => {
  it('numbers records from 0 without gaps, in the order in which they were handed in', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => open.log.append(intent(index))),
    )
    assert.deepEqual(
      answers,
      Array.from({ length: 300 }, (_, seq) => ({ kind: 'durable', seq })),
    )
    assert.deepEqual(
      readRecords(folder.log).map(({ nonce }) => nonce),
      Array.from({ length: 300 }, (_, index) => `nonce-${index}`),
    )
  })

  it('answers when the record is in the file, and not before', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    for (let index = 0; index < 20; index += 1) {
      const { kind } = await open.log.append(intent(index))
      assert.equal(kind, 'durable')
      assert.equal(readRecords(folder.log).length, index + 1)
    }
  })

  it('writes what arrives in one turn with one commit', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    for (let index = 0; index < 100; index += 1) open.log.note(intent(index))
    await open.log.append(intent(100))
    assert.equal(open.log.state().queue, 0)
    assert.equal(open.log.state().size, 101)
  })

  it('stamps a record with the moment at which it was handed in, on both clocks, and with its boot', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    open.clock.advance(1500)
    const answer = open.log.append(entry('alarm'))
    open.clock.advance(9000)
    await answer
    assert.deepEqual(readRecords(folder.log), [
      { boot: 'boot-1', kind: 'alarm', mono_ms: 1500, seq: 0, time: '2026-01-01T00:00:01.500Z' },
    ])
  })

  it('says whether it was made, and is not made where it should be', async () => {
    using folder = new Folder()
    const missing = await openAuditLog(options(folder.log))
    assert.equal(missing.kind, 'missing')
    for (const created of [true, false]) {
      const opened = await openAuditLog({ ...options(folder.log), mode: 'create' })
      assert.equal(opened.kind === 'opened' && opened.created, created)
      if (opened.kind === 'opened') await opened.log[Symbol.asyncDispose]()
    }
  })

  for (const before of [0, 3]) {
    it(`with ${before} records in it that cannot be opened at the start refuses, keeps notes, and goes on once it can be`, async () => {
      using folder = new Folder()
      if (before > 0) writeLog(folder.log, before, before)
      // SQLite cannot open a log whose write-ahead log is in the way.
      mkdirSync(`${folder.log}-wal`)
      const mode = before > 0 ? 'existing' : 'create'
      await using open = await OpenLog.open(folder.log, { mode, patient: true })
      assert.equal((await open.log.append(intent(8))).kind, 'unwritable')
      assert.equal((await open.log.recentNonces(START)).kind, 'unreadable')
      open.log.note(intent(9))
      rmdirSync(`${folder.log}-wal`)
      await open.until(() => open.troubles.at(-1)?.kind === 'healed')
      // A try that falls into the moment in which it is mended may fail in another way, and is told too.
      const [first, ...more] = open.troubles.map(({ kind }) => kind)
      assert.equal(first, 'unwritable')
      assert.equal(more.filter(kind => kind === 'healed').length, 1)
      const found = readRecords(folder.log).map(({ kind, alarm, nonce }) => alarm ?? nonce ?? kind)
      assert.deepEqual(found.slice(before), ['nonce-9', 'audit-gap'])
    })
  }

  it('that cannot be opened at the start is no log for whoever cannot wait', async () => {
    using folder = new Folder()
    const path = join(folder.path, 'nowhere', 'audit.db')
    assert.equal((await openAuditLog({ ...options(path), mode: 'create' })).kind, 'unwritable')
  })

  it('goes on where it was closed', async () => {
    using folder = new Folder()
    for (let run = 0; run < 3; run += 1) {
      await using open = await OpenLog.open(folder.log, { boot: `boot-${run}` })
      open.log.checkpointWith(SIGNER)
      assert.deepEqual(await open.log.append(intent(run)), { kind: 'durable', seq: run })
    }
    const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    assert.deepEqual([verdict.kind, verdict.kind === 'intact' && verdict.signedUpTo], ['intact', 3])
  })

  it('gives the nonces since a moment, for the replay memory of the next start', async () => {
    using folder = new Folder()
    {
      await using open = await OpenLog.open(folder.log)
      for (let index = 0; index < 10; index += 1) open.log.note(intent(index))
      open.log.note(entry('refusal', { credential: 'c', nonce: 'no-created' }))
      open.log.note(entry('refusal', { nonce: 'no-credential', created: START }))
    }
    await using open = await OpenLog.open(folder.log, { boot: 'boot-2' })
    const recent = await open.log.recentNonces(START + 8000)
    assert.deepEqual(recent, {
      kind: 'nonces',
      nonces: [
        { credential: 'credential-2', nonce: 'nonce-8', created: START / 1000 + 8 },
        { credential: 'credential-0', nonce: 'nonce-9', created: START / 1000 + 9 },
      ],
    })
  })

  it('refuses what comes after it was closed, and closes twice', async () => {
    using folder = new Folder()
    const open = await OpenLog.open(folder.log)
    open.log.note(intent(0))
    await open.log[Symbol.asyncDispose]()
    await open.log[Symbol.asyncDispose]()
    assert.deepEqual(await open.log.append(intent(1)), {
      kind: 'unwritable',
      detail: 'the audit log is closed',
    })
    assert.equal((await open.log.checkpoint()).kind, 'unwritable')
    open.log.note(intent(2))
    assert.equal(readRecords(folder.log).length, 1, 'what was noted before is in')
  })
})

describe("the audit log's queue", () => {
  it('is bounded: an append that finds no room is refused, and the gap is recorded', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log, { limits: { queue: 10 } })
    const answers = await Promise.all(
      Array.from({ length: 15 }, (_, index) => open.log.append(intent(index))),
    )
    assert.deepEqual(
      answers.map(({ kind }) => kind),
      [...Array(10).fill('durable'), ...Array(5).fill('unwritable')],
    )
    const gap = readRecords(folder.log).at(-1)
    assert.deepEqual([gap?.kind, gap?.alarm, gap?.refused, gap?.dropped], ['alarm', 'audit-gap', 5, {}])
    assert.equal(open.log.state().unwritable, undefined, 'and the log is not out of order')
  })

  it('keeps room for a trip when refusals flood it, and counts those that it drops', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log, { limits: { queue: 100 } })
    for (let index = 0; index < 1000; index += 1)
      open.log.note(entry('refusal', { code: 'signature-invalid', channel: 'operators' }))
    open.log.note(entry('trip', { actuator: 'valve-1' }))
    await open.log.checkpoint()
    const records = readRecords(folder.log)
    assert.equal(records.filter(({ kind }) => kind === 'refusal').length, 75)
    assert.equal(records.filter(({ kind }) => kind === 'trip').length, 1)
    assert.deepEqual(records.find(({ alarm }) => alarm === 'audit-gap')?.dropped, { refusal: 925 })
  })

  it('never throws into the caller, whatever an entry holds', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    const odd = {
      kind: 'alarm',
      a: () => 1,
      b: Symbol('b'),
      c: 1n,
      d: Number.NaN,
      e: undefined,
      f: new Date(0),
    }
    const { kind } = await open.log.append(odd as unknown as AuditEntry)
    assert.equal(kind, 'durable')
  })
})

describe("the audit log's checkpoints", () => {
  it('are made on demand and cover all that was handed in before', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    open.log.checkpointWith(SIGNER)
    open.log.note(entry('trip', { actuator: 'valve-1' }))
    const sealed = await open.log.checkpoint()
    assert.ok(sealed.kind === 'sealed' && sealed.note)
    assert.equal(sealed.size, 1)
    assert.deepEqual(open.checkpoints.at(-1), { size: 1, note: sealed.note }, 'and are handed to the wiring')
    const checkpoint = parseCheckpoint(sealed.note)
    const verifier = parseVkey(VKEY)
    assert.ok(checkpoint && verifier && isSignedBy(checkpoint.note, verifier))
  })

  it('cover all that was handed in before, also when it takes several commits', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log, { limits: { batch: 10 } })
    for (let index = 0; index < 35; index += 1) open.log.note(intent(index))
    const sealed = open.log.checkpoint()
    for (let index = 0; index < 20; index += 1) open.log.note(intent(index))
    assert.equal((await sealed).kind, 'sealed')
    assert.equal(open.checkpoints.at(-1)?.size, 40)
    await open.log[Symbol.asyncDispose]()
    assert.equal(open.checkpoints.at(-1)?.size, 55, 'and so does the last one')
  })

  it('are made a minute after a record at the latest', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    open.log.checkpointWith(SIGNER)
    await open.log.checkpoint()
    await open.log.append(intent(0))
    assert.equal(open.checkpoints.length, 0)
    open.clock.advance(59_999)
    await open.log.append(intent(1))
    assert.equal(open.checkpoints.length, 0)
    open.clock.advance(1)
    await open.until(() => open.checkpoints.length > 0)
    assert.equal(open.checkpoints[0]?.size, 2)
  })

  it('are signed at once when the key comes late, for all records before it', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    for (let index = 0; index < 70; index += 1) await open.log.append(intent(index))
    assert.deepEqual(open.checkpoints, [{ size: 64, note: undefined }], 'unsigned while there is no key')
    open.log.checkpointWith(SIGNER)
    await open.until(() => open.checkpoints.length > 1)
    assert.equal(open.checkpoints[1]?.size, 70)
    assert.ok(open.checkpoints[1]?.note)
  })

  it('are not signed any more when the key was taken away', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    open.log.checkpointWith(SIGNER)
    open.log.checkpointWith(undefined)
    open.log.note(intent(0))
    assert.deepEqual(await open.log.checkpoint(), { kind: 'sealed', size: 1, note: undefined })
  })

  it('cover everything after a clean close', async () => {
    using folder = new Folder()
    {
      await using open = await OpenLog.open(folder.log)
      open.log.checkpointWith(SIGNER)
      for (let index = 0; index < 5; index += 1) open.log.note(intent(index))
    }
    const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    assert.deepEqual([verdict.kind, verdict.kind === 'intact' && verdict.unsignedTail], ['intact', 0])
  })
})
