import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type CountedLog, count } from '../../../../agent/audit/counter/count.ts'
import { questionCounter } from '../../../../agent/audit/counter/question.ts'
import { leafHash } from '../../../../agent/audit/merkle.ts'
import { verifierOf } from '../../../../agent/audit/note.ts'
import { pruneAuditLog } from '../../../../agent/audit/prune.ts'
import { verifyAuditLog } from '../../../../agent/audit/verify.ts'
import { signedSize } from '../../../../agent/audit/vouching.ts'
import type { AuditEntry, AuditKind } from '../../../../model/audit.ts'
import { dictionaryFaults } from '../../../../model/audit-kinds.ts'
import { canonicalJson } from '../../../../model/json.ts'
import { copyLog, Folder, OpenLog, readRecords, SIGNER, START, tamper, VKEY } from '../fixture.ts'
import { FakeCounter } from './fake-counter.ts'

const KEYS = [verifierOf(SIGNER)]

/** What is told is for the keeper's tests. */
const UNHEARD = { rolledBack: () => {}, moved: () => {}, lost: () => {} }

/** What a verifier with the key finds of a log and its counter. */
const ask = async (path: string, counter: FakeCounter) =>
  questionCounter(path, await counter.read(), database => signedSize(database, KEYS))

/** Counts once on a log that is opened for it, and says how that came out. */
async function countOn(path: string, counter: FakeCounter, jumpIsKnown = false): Promise<string> {
  await using open = await OpenLog.open(path)
  open.log.checkpointWith(SIGNER)
  const counted = await count(open.log, counter, jumpIsKnown ? 'adopted' : 'rolled-back', UNHEARD)
  return counted.kind === 'counted' ? `${counted.comparison} ${counted.counter}` : counted.kind
}

async function append(path: string, ...entries: AuditEntry[]): Promise<void> {
  await using open = await OpenLog.open(path)
  open.log.checkpointWith(SIGNER)
  for (const entry of entries) assert.equal((await open.log.append(entry)).kind, 'durable')
}

/** A log that does only so many things more. */
class CutLog implements CountedLog {
  readonly #log: CountedLog
  steps = Number.POSITIVE_INFINITY

  constructor(log: CountedLog) {
    this.#log = log
  }

  latest = (of: AuditKind) => this.#log.latest(of)
  vouched = (of: AuditKind) => this.#log.vouched(of)
  append = (entry: AuditEntry) => (this.#goesOn() ? this.#log.append(entry) : Promise.resolve(CUT))
  checkpoint = () => (this.#goesOn() ? this.#log.checkpoint() : Promise.resolve(CUT))

  #goesOn(): boolean {
    this.steps -= 1
    return this.steps >= 0
  }
}

const CUT = { kind: 'unwritable', detail: 'the power is gone' } as const

const gist = (path: string) => readRecords(path).map(({ kind, counter }) => `${kind} ${counter}`)

describe('a log that is bound to a counter', () => {
  it('says each count before the counter makes it, of the first where that will be, and signs it', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    assert.equal(await countOn(folder.log, counter), 'begins 2')
    assert.equal(await countOn(folder.log, counter), 'agrees 3')
    assert.deepEqual(gist(folder.log), ['log-counted null', 'log-counted 2', 'log-counted 3'])
    for (const record of readRecords(folder.log)) assert.deepEqual(dictionaryFaults(record), [])
    const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    assert.equal(verdict.kind === 'intact' && verdict.unsignedTail, 0)
    assert.deepEqual(await ask(folder.log, counter), {
      kind: 'bound',
      counter: 3,
      since: 2,
    })
  })

  it('that was put back to an earlier state says so, once, and goes on from where the counter stands', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    await countOn(folder.log, counter)
    const copy = join(folder.path, 'copy')
    copyFileSync(folder.log, copy)
    await countOn(folder.log, counter)
    copyFileSync(copy, folder.log)
    assert.equal((await ask(folder.log, counter)).kind, 'rolled-back')
    assert.equal(await countOn(folder.log, counter), 'rolled-back 4')
    assert.equal(await countOn(folder.log, counter), 'agrees 5')
    assert.deepEqual(gist(folder.log).slice(2), ['log-rolled-back 3', 'log-counted 4', 'log-counted 5'])
    assert.deepEqual(dictionaryFaults(readRecords(folder.log)[2] ?? {}), [])
    const asked = await ask(folder.log, counter)
    assert.deepEqual([asked.kind, asked.kind === 'rolled-back' && asked.at], ['rolled-back', 2])
    await append(folder.log, { kind: 'log-restored', by: 'user 0', reason: 'a new disk' })
    assert.equal((await ask(folder.log, counter)).kind, 'bound')
  })

  it('that was put back to before its first count is found all the same', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    await append(folder.log, { kind: 'agent-stopped' })
    counter.value = 12
    assert.equal((await ask(folder.log, counter)).kind, 'rolled-back')
    assert.equal(await countOn(folder.log, counter), 'rolled-back 13')
  })

  it('that was begun anew, or put back on purpose, takes the counter as it is', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    counter.value = 12
    assert.equal(await countOn(folder.log, counter, true), 'adopted 13')
    assert.deepEqual(gist(folder.log), ['log-counted 13'])
  })

  it('tells a counter that is not its own from one that it was put back behind', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    await append(folder.log, { kind: 'log-counted', counter: 40, counter_index: counter.index })
    assert.equal((await ask(folder.log, counter)).kind, 'unknown')
    assert.equal(await countOn(folder.log, counter), 'lost 2', 'the TPM was cleared')
    counter.value = 7
    await append(folder.log, { kind: 'log-counted', counter: 40, counter_index: counter.index })
    assert.equal((await ask(folder.log, counter)).kind, 'unknown')
    assert.equal(await countOn(folder.log, counter), 'lost 8', "the TPM is another's")
  })

  /**
   * An end at any point: only so much of what the log was asked for is done, or the TPM is gone before or after it has done what it was
   * asked. What was not signed by then is still in the file.
   */
  const ends: [where: string, (counter: FakeCounter, log: CutLog) => void][] = [
    ...[0, 1, 2, 3].flatMap((answers): [string, (counter: FakeCounter) => void][] =>
      [false, true].map(losesAnswers => [
        `${answers} answers of the TPM${losesAnswers ? ', the last lost' : ''}`,
        counter => Object.assign(counter, { answers, losesAnswers }),
      ]),
    ),
    ...[0, 1, 2, 3, 4].map((steps): [string, (counter: FakeCounter, log: CutLog) => void] => [
      `${steps} steps of the log`,
      (_, log) => {
        log.steps = steps
      },
    ]),
  ]
  for (const [where, end] of ends)
    for (const before of ['the first count', 'a later one'])
      it(`is never taken for rolled back, moved or lost after a power cut: at ${before}, after ${where}`, async () => {
        using folder = new Folder()
        const counter = new FakeCounter()
        counter.highest = 16
        if (before === 'a later one') await countOn(folder.log, counter)
        else await append(folder.log, { kind: 'agent-stopped' })
        const cutLog = join(folder.path, 'cut.db')
        {
          await using open = await OpenLog.open(folder.log)
          open.log.checkpointWith(SIGNER)
          await open.log.checkpoint()
          const log = new CutLog(open.log)
          end(counter, log)
          await count(log, counter, 'rolled-back', UNHEARD)
          copyLog(folder.log, cutLog)
        }
        counter.answers = Number.POSITIVE_INFINITY
        const told: string[] = []
        const hear = (detail: string) => void told.push(detail)
        await using open = await OpenLog.open(cutLog)
        open.log.checkpointWith(SIGNER)
        for (const says of [/^(?:agrees|pending|begins)$/, /^agrees$/]) {
          const counted = await count(open.log, counter, 'rolled-back', {
            rolledBack: hear,
            moved: hear,
            lost: hear,
          })
          assert.match(counted.kind === 'counted' ? counted.comparison : counted.kind, says)
        }
        assert.deepEqual(told, [])
        assert.equal((await ask(cutLog, counter)).kind, 'bound')
      })

  it('believes no count that was appended without a signature, though the agent signs over it', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    await countOn(folder.log, counter)
    const copy = join(folder.path, 'copy')
    copyFileSync(folder.log, copy)
    for (let turn = 0; turn < 5; turn += 1) await countOn(folder.log, counter)
    copyFileSync(copy, folder.log)
    const forged = readRecords(folder.log).length
    tamper(folder.log, database => {
      const text = canonicalJson({
        ...{ seq: forged, boot: 'boot-1', time: '2026-01-01T00:00:00.000Z', mono_ms: 1 },
        ...{ kind: 'log-counted', counter: counter.value ?? 0, counter_index: counter.index },
      })
      const put = database.prepare('INSERT INTO record (seq, bytes, leaf) VALUES (?, ?, ?)')
      put.run(forged, text, leafHash(Buffer.from(text)))
    })
    assert.equal((await ask(folder.log, counter)).kind, 'rolled-back', 'before a start')
    assert.equal(await countOn(folder.log, counter), 'rolled-back 8')
    assert.equal((await ask(folder.log, counter)).kind, 'rolled-back', 'and after it')
  })

  it('believes no count that was changed in its place', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    await countOn(folder.log, counter)
    const at = readRecords(folder.log).length - 1
    counter.value = 30
    tamper(folder.log, database => {
      const read = database.prepare('SELECT bytes FROM record WHERE seq = ?').pluck()
      const text = String(read.get(at)).replace(/"counter":\d+/, '"counter":30')
      const put = database.prepare('UPDATE record SET bytes = ?, leaf = ? WHERE seq = ?')
      put.run(text, leafHash(Buffer.from(text)), at)
    })
    assert.equal(await countOn(folder.log, counter), 'rolled-back 31')
  })

  it('that was cut right after it was to begin its counter is rolled back, unless the counter stands where it began', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    await countOn(folder.log, counter)
    await countOn(folder.log, counter)
    tamper(folder.log, database =>
      database.exec('DELETE FROM record WHERE seq > 0; DELETE FROM checkpoint WHERE size > 1'),
    )
    assert.deepEqual(gist(folder.log), ['log-counted null'])
    assert.equal(await countOn(folder.log, counter), 'rolled-back 4')
  })

  it('moves no counter when the count cannot be written down', async () => {
    const counter = new FakeCounter()
    counter.value = 3
    const full: CountedLog = {
      append: async () => ({ kind: 'unwritable', detail: 'the disk is full' }),
      latest: async () => ({ kind: 'latest', record: undefined }),
      vouched: async () => ({ kind: 'latest', record: undefined }),
      checkpoint: async () => ({ kind: 'unwritable', detail: 'the disk is full' }),
    }
    assert.equal((await count(full, counter, 'adopted', UNHEARD)).kind, 'unwritable')
    assert.equal(counter.writes, 0)
  })

  it('is still bound after everything but its last day was pruned, and an open roll-back is not pruned away', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    counter.value = 4
    await countOn(folder.log, counter)
    const many = Array.from({ length: 70 }, (): AuditEntry => ({ kind: 'agent-stopped' }))
    await append(folder.log, ...many)
    {
      await using open = await OpenLog.open(folder.log)
      open.log.checkpointWith(SIGNER)
      await open.log.checkpoint()
    }
    const pruned = pruneAuditLog({
      path: folder.log,
      archive: join(folder.path, 'archive'),
      before: START + 3_600_000,
      by: 'user 0',
      boot: 'boot-2',
      now: START + 7_200_000,
      signer: SIGNER,
      asOwner: work => work(),
    })
    assert.equal(pruned.kind, 'pruned')
    assert.deepEqual(
      readRecords(folder.log).map(({ kind, repeats }) => [kind, repeats]),
      [
        ['log-counted', 1],
        ['log-rolled-back', 0],
        ['log-pruned', undefined],
      ],
    )
    for (const record of readRecords(folder.log)) assert.deepEqual(dictionaryFaults(record), [])
    assert.equal((await ask(folder.log, counter)).kind, 'rolled-back')
    assert.equal(await countOn(folder.log, counter), 'agrees 6')
    assert.equal(verifyAuditLog({ path: folder.log, publicKey: VKEY }).kind, 'intact')
  })
})
