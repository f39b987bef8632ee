import assert from 'node:assert/strict'
import { copyFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { entry, Folder, intent, OpenLog, readRecords, SIGNER, VKEY } from './fixture.ts'

const writer = (name: string) => new URL(`./writers/${name}.ts`, import.meta.url)

/** What the log told, as one line each. */
const said = (open: OpenLog) => open.troubles.map(({ kind, detail }) => `${kind}: ${detail}`)

describe('the audit log, when its file is deleted under it,', () => {
  it('acknowledges nothing more, says so, and does not begin a new log', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    assert.equal((await open.log.append(intent(0))).kind, 'durable')
    for (const end of ['', '-wal', '-shm']) rmSync(`${folder.log}${end}`)
    const answer = await open.log.append(intent(1))
    assert.equal(answer.kind, 'unwritable')
    assert.match(answer.kind === 'unwritable' ? answer.detail : '', /deleted or replaced/)
    await open.until(() => open.troubles.length === 2)
    assert.match(said(open)[1] ?? '', /^unwritable: there is no audit log at/)
    assert.match(open.log.state().unwritable ?? '', /there is no audit log at/)
  })

  it('refuses an older copy that is put in its place', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    await open.log.append(intent(0))
    const copy = join(folder.path, 'old.db')
    new Database(folder.log, { readonly: true }).exec(`VACUUM INTO '${copy}'`).close()
    await open.log.append(intent(1))
    for (const end of ['-wal', '-shm']) rmSync(`${folder.log}${end}`)
    renameSync(copy, folder.log)
    assert.equal((await open.log.append(intent(2))).kind, 'unwritable')
    await open.until(() => open.troubles.length === 2)
    assert.match(said(open)[1] ?? '', /record 1 was acknowledged, and the file does not have it/)
  })

  it('goes on when the file is put back', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    await open.log.append(intent(0))
    const away = join(folder.path, 'away.db')
    renameSync(folder.log, away)
    assert.equal((await open.log.append(intent(1))).kind, 'unwritable')
    copyFileSync(`${folder.log}-wal`, `${away}-wal`)
    await open.until(() => open.log.state().unwritable?.includes('no audit log') ?? false)
    for (const end of ['-wal', '-shm']) rmSync(`${folder.log}${end}`, { force: true })
    renameSync(`${away}-wal`, `${folder.log}-wal`)
    renameSync(away, folder.log)
    await open.until(() => open.troubles.at(-1)?.kind === 'healed')
    assert.equal((await open.log.append(intent(2))).kind, 'durable')
  })
})

describe('the audit log, when another program holds the file locked,', () => {
  it('refuses appends, keeps notes, and goes on when the lock is gone, with the gap on record', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    await open.log.append(intent(0))
    const other = new Database(folder.log)
    other.exec('BEGIN IMMEDIATE')
    open.log.note(entry('trip', { actuator: 'valve-1' }))
    const answer = await open.log.append(intent(1))
    assert.equal(answer.kind, 'unwritable')
    assert.match(said(open)[0] ?? '', /^unwritable: another program holds the audit log locked/)
    assert.equal(
      (await open.log.append(intent(2))).kind,
      'unwritable',
      'at once, without waiting for the lock',
    )
    other.exec('ROLLBACK')
    other.close()
    await open.until(() => open.troubles.at(-1)?.kind === 'healed')
    assert.deepEqual(await open.log.append(intent(3)), { kind: 'durable', seq: 3 })
    const [, trip, gap, last] = readRecords(folder.log)
    assert.equal(trip?.kind, 'trip')
    assert.deepEqual([gap?.alarm, gap?.refused], ['audit-gap', 2])
    assert.equal(last?.nonce, 'nonce-3', 'and no refused append turns up later')
    assert.deepEqual(
      open.troubles.map(({ kind }) => kind),
      ['unwritable', 'healed'],
      'told once each',
    )
  })

  it('has what was done all the same once the lock is gone, each thing once and in its order', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    await open.log.append(intent(0))
    const other = new Database(folder.log)
    other.exec('BEGIN IMMEDIATE')
    const waiting = [open.log.appendOrKeep(intent(1)), open.log.append(intent(2))]
    for (const answer of await Promise.all(waiting)) assert.equal(answer.kind, 'unwritable')
    const late = await open.log.appendOrKeep(intent(3))
    assert.equal(late.kind, 'unwritable', 'at once')
    other.exec('ROLLBACK')
    other.close()
    await open.until(() => open.troubles.at(-1)?.kind === 'healed')
    await open.log.append(intent(4))
    const records = readRecords(folder.log)
    assert.deepEqual(
      records.map(({ nonce, alarm }) => nonce ?? alarm),
      ['nonce-0', 'nonce-1', 'nonce-3', 'audit-gap', 'nonce-4'],
    )
    assert.equal(records[3]?.refused, 1, 'what is kept is not missing')
  })

  it('goes on after records of another writer, without a gap in the numbers', async () => {
    using folder = new Folder()
    await using one = await OpenLog.open(folder.log, { boot: 'boot-1' })
    await one.log.append(intent(0))
    await using two = await OpenLog.open(folder.log, { boot: 'boot-2' })
    assert.deepEqual(await two.log.append(intent(1)), { kind: 'durable', seq: 1 })
    const answer = await one.log.append(intent(2))
    assert.match(answer.kind === 'unwritable' ? answer.detail : '', /another program wrote to the audit log/)
    await one.until(() => one.troubles.at(-1)?.kind === 'healed')
    assert.equal(verifyAuditLog({ path: folder.log }).kind, 'intact')
  })
})

describe("the audit log, when the writer's thread ends,", () => {
  it('starts it again, and refuses what it cannot say to be durable', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log, { writer: writer('ends-before-commit') })
    open.log.checkpointWith(SIGNER)
    await open.log.append(intent(0))
    open.log.note(entry('trip', { actuator: 'valve-1' }))
    const answer = await open.log.append(entry('alarm', { alarm: 'end-the-writer' }))
    assert.equal(answer.kind, 'unwritable')
    assert.match(said(open)[0] ?? '', /^unwritable: the audit writer ended with code 3/)
    await open.until(() => open.troubles.at(-1)?.kind === 'healed')
    assert.equal((await open.log.append(intent(1))).kind, 'durable')
    assert.deepEqual(
      readRecords(folder.log).map(({ kind }) => kind),
      ['command-intent', 'trip', 'alarm', 'command-intent'],
    )
    const sealed = await open.log.checkpoint()
    assert.ok(sealed.kind === 'sealed' && sealed.note, 'and the new thread has the key')
  })

  it('writes nothing twice when it ended after the commit', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log, { writer: writer('ends-after-commit') })
    open.log.note(entry('trip', { actuator: 'valve-1' }))
    const answer = await open.log.append(entry('alarm', { alarm: 'end-the-writer' }))
    assert.equal(answer.kind, 'unwritable')
    await open.until(() => open.troubles.at(-1)?.kind === 'healed')
    assert.deepEqual(
      readRecords(folder.log).map(({ alarm, kind }) => alarm ?? kind),
      ['trip', 'end-the-writer', 'audit-gap'],
    )
  })

  it('survives a thread that throws', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log, { writer: writer('throws') })
    assert.equal((await open.log.append(entry('alarm', { alarm: 'end-the-writer' }))).kind, 'unwritable')
    assert.match(said(open)[0] ?? '', /crashed: a bug/)
    await open.until(() => open.troubles.at(-1)?.kind === 'healed')
    assert.equal((await open.log.append(intent(1))).kind, 'durable')
  })

  it('says so when the thread does not even start', async () => {
    using folder = new Folder()
    await assert.rejects(
      OpenLog.open(folder.log, { writer: writer('does-not-exist') }),
      /unwritable: the audit writer/,
    )
  })
})

describe('the audit log, when the disk does not answer,', () => {
  it('refuses what waits instead of letting it wait, and goes on when the disk answers', async () => {
    using folder = new Folder()
    const stalls = { writer: writer('stalls'), clock: systemClock, limits: { stall: 40, retry: 5 } }
    await using open = await OpenLog.open(folder.log, stalls)
    const answer = await open.log.append(entry('alarm', { alarm: 'stall-the-writer' }))
    assert.match(answer.kind === 'unwritable' ? answer.detail : '', /has not taken a commit for 40ms/)
    await open.until(() => open.troubles.at(-1)?.kind === 'healed')
    // On a busy machine an ordinary commit may take longer than the limit of this test, too.
    while ((await open.log.append(intent(0))).kind !== 'durable') await turn()
  })

  it('does not take a jump of the clock for a stall', async () => {
    using folder = new Folder()
    await using open = await OpenLog.open(folder.log)
    const answer = open.log.append(intent(0))
    open.clock.advance(3_600_000)
    assert.deepEqual(await answer, { kind: 'durable', seq: 0 })
    assert.deepEqual(open.troubles, [])
  })

  it('closes without waiting for it', async () => {
    using folder = new Folder()
    const stalls = { writer: writer('stalls-for-good'), clock: systemClock, limits: { stall: 40, retry: 5 } }
    const open = await OpenLog.open(folder.log, stalls)
    open.log.note(entry('alarm', { alarm: 'stall-the-writer' }))
    await open.log[Symbol.asyncDispose]()
    assert.match(said(open)[0] ?? '', /has not taken a commit/)
  })
})

describe('the audit log, when whoever listens fails,', () => {
  it('records all the same', async () => {
    using folder = new Folder()
    const fails = () => {
      throw new Error('a bug in the wiring')
    }
    await using open = await OpenLog.open(folder.log, { onCheckpoint: fails, onTrouble: fails })
    open.log.checkpointWith(SIGNER)
    open.log.note(intent(0))
    await open.log.checkpoint()
    assert.equal((await open.log.append(intent(1))).kind, 'durable')
    assert.equal(verifyAuditLog({ path: folder.log, publicKey: VKEY }).kind, 'intact')
  })
})
