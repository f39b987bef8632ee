import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type CountedLog, count } from '../../../../agent/audit/counter/count.ts'
import { questionCounter } from '../../../../agent/audit/counter/question.ts'
import { pruneAuditLog } from '../../../../agent/audit/prune.ts'
import { verifyAuditLog } from '../../../../agent/audit/verify.ts'
import type { AuditEntry } from '../../../../model/audit.ts'
import { dictionaryFaults } from '../../../../model/audit-kinds.ts'
import { Folder, OpenLog, readRecords, SIGNER, START, VKEY } from '../fixture.ts'
import { FakeCounter } from './fake-counter.ts'

/** What is told is for the keeper's tests. */
const UNHEARD = { rolledBack: () => {}, lost: () => {} }

/** Counts once on a log that is opened for it, and says how that came out. */
async function countOn(path: string, counter: FakeCounter, jumpIsKnown = false): Promise<string> {
  await using open = await OpenLog.open(path)
  open.log.checkpointWith(SIGNER)
  const counted = await count(open.log, counter, jumpIsKnown, UNHEARD)
  return counted.kind === 'counted' ? `${counted.comparison} ${counted.counter}` : counted.kind
}

async function append(path: string, ...entries: AuditEntry[]): Promise<void> {
  await using open = await OpenLog.open(path)
  for (const entry of entries) assert.equal((await open.log.append(entry)).kind, 'durable')
}

const gist = (path: string) => readRecords(path).map(({ kind, counter }) => `${kind} ${counter}`)

describe('a log that is bound to a counter', () => {
  it('says each count before the counter makes it, but for the first, and seals it', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    assert.equal(await countOn(folder.log, counter), 'begins 1')
    assert.equal(await countOn(folder.log, counter), 'agrees 2')
    assert.deepEqual(gist(folder.log), ['log-counted null', 'log-counted 1', 'log-counted 2'])
    for (const record of readRecords(folder.log)) assert.deepEqual(dictionaryFaults(record), [])
    const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    assert.equal(verdict.kind === 'intact' && verdict.unsignedTail, 0)
    assert.deepEqual(questionCounter(folder.log, await counter.read()), {
      kind: 'bound',
      counter: 2,
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
    assert.equal(questionCounter(folder.log, await counter.read()).kind, 'rolled-back')
    assert.equal(await countOn(folder.log, counter), 'rolled-back 3')
    assert.equal(await countOn(folder.log, counter), 'agrees 4')
    assert.deepEqual(gist(folder.log).slice(2), ['log-rolled-back 2', 'log-counted 3', 'log-counted 4'])
    assert.deepEqual(dictionaryFaults(readRecords(folder.log)[2] ?? {}), [])
    const asked = questionCounter(folder.log, await counter.read())
    assert.deepEqual([asked.kind, asked.kind === 'rolled-back' && asked.at], ['rolled-back', 2])
    await append(folder.log, { kind: 'log-restored', by: 'user 0', reason: 'a new disk' })
    assert.equal(questionCounter(folder.log, await counter.read()).kind, 'bound')
  })

  it('that was put back to before its first count is found all the same', async () => {
    using folder = new Folder()
    const counter = new FakeCounter()
    await append(folder.log, { kind: 'agent-stopped' })
    counter.value = 12
    assert.equal(questionCounter(folder.log, await counter.read()).kind, 'rolled-back')
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
    assert.equal(questionCounter(folder.log, await counter.read()).kind, 'unknown')
    assert.equal(await countOn(folder.log, counter), 'lost 1', 'the TPM was cleared')
    counter.value = 7
    await append(folder.log, { kind: 'log-counted', counter: 40, counter_index: counter.index })
    assert.equal(questionCounter(folder.log, await counter.read()).kind, 'unknown')
    assert.equal(await countOn(folder.log, counter), 'lost 8', "the TPM is another's")
  })

  /** Wherever it ends: the TPM is gone before or after it has done what it was asked. */
  for (const losesAnswers of [false, true])
    for (const answers of [0, 1, 2])
      it(`is never taken for rolled back after an end in the middle (${answers} answers${losesAnswers ? ', the last lost' : ''})`, async () => {
        for (const begun of [false, true]) {
          using folder = new Folder()
          const counter = new FakeCounter()
          if (begun) await countOn(folder.log, counter)
          Object.assign(counter, { answers, losesAnswers })
          await countOn(folder.log, counter)
          counter.answers = Number.POSITIVE_INFINITY
          assert.doesNotMatch(await countOn(folder.log, counter), /rolled-back|lost/)
          assert.match(await countOn(folder.log, counter), /^agrees/)
          assert.equal(questionCounter(folder.log, await counter.read()).kind, 'bound')
        }
      })

  it('moves no counter when the count cannot be written down', async () => {
    const counter = new FakeCounter()
    counter.value = 3
    const full: CountedLog = {
      append: async () => ({ kind: 'unwritable', detail: 'the disk is full' }),
      latest: async () => ({ kind: 'latest', record: undefined }),
      checkpoint: async () => ({ kind: 'unwritable', detail: 'the disk is full' }),
    }
    assert.equal((await count(full, counter, true, UNHEARD)).kind, 'unwritable')
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
    assert.equal(questionCounter(folder.log, await counter.read()).kind, 'rolled-back')
    assert.equal(await countOn(folder.log, counter), 'agrees 6')
    assert.equal(verifyAuditLog({ path: folder.log, publicKey: VKEY }).kind, 'intact')
  })
})
