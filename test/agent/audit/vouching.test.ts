import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { signCheckpoint } from '../../../agent/audit/checkpoint.ts'
import { CheckpointKeeper, keptCheckpointPath } from '../../../agent/audit/kept-checkpoint.ts'
import { type NoteSigner, type NoteVerifier, signerFrom, verifierOf } from '../../../agent/audit/note.ts'
import { verifyAuditLog } from '../../../agent/audit/verify.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import { THIEF } from './corpus.ts'
import { Folder, intent, ManualClock, OpenLog, readRecords, SIGNER, tamper, VKEY } from './fixture.ts'
import { appendByHand, cutTo, rewriteFrom } from './forgery.ts'

const NEXT = signerFrom('plant/gateway-1', Buffer.alloc(32, 9))
const UNHEARD = { unkept: () => {}, kept: () => {} }

/** One run of an agent: opens the log, takes up its key, records and ends. Gives what it doubted. */
async function run(
  path: string,
  entries: readonly AuditEntry[],
  signer: NoteSigner | 'none' = SIGNER,
  earlier: readonly NoteVerifier[] = [],
): Promise<string[]> {
  const doubts: string[] = []
  const kept = await CheckpointKeeper.open(path, new ManualClock(), UNHEARD)
  await using open = await OpenLog.open(path, { kept, onDoubt: detail => doubts.push(detail) })
  if (signer !== 'none') open.log.checkpointWith(signer, earlier)
  for (const entry of entries) await open.log.append(entry)
  await open.log.checkpoint()
  return doubts
}

const STARTED: AuditEntry = {
  kind: 'agent-started',
  environment: 'plant',
  gateway: 'gateway-1',
  listeners: [],
  troubles: [],
}
const intents = (count: number) => Array.from({ length: count }, (_, index) => intent(index))
const keep = (path: string, note: string) =>
  writeFileSync(keptCheckpointPath(path), JSON.stringify({ version: 1, state: note }))

describe('an agent with its key, of the log that it finds', () => {
  const rows: [what: string, change: (path: string) => unknown, doubt: RegExp | undefined][] = [
    ['that it is as it was', () => {}, undefined],
    [
      'that a few records at the end are not signed, as a power cut leaves them',
      path => appendByHand(path, intent(1)),
      undefined,
    ],
    [
      'that its end has a count without a signature, as a power cut leaves it',
      path => appendByHand(path, { kind: 'log-counted', counter: 7 }),
      undefined,
    ],
    [
      'that the kept checkpoint is empty',
      path => writeFileSync(keptCheckpointPath(path), ''),
      /cannot be read/,
    ],
    [
      'that the kept checkpoint is no checkpoint',
      path => keep(path, 'nonsense'),
      /signed by no key that this agent has/,
    ],
    [
      "that the kept checkpoint is signed by another's key",
      path => keep(path, resigned(path)),
      /signed by no key that this agent has/,
    ],
    [
      'that there is an unsigned word of a pruning',
      path => appendByHand(path, { kind: 'log-pruned', pruned_to: 3 }),
      /record 31 says log-pruned and is not signed/,
    ],
    [
      'that there is an unsigned word that somebody answers for it',
      path => appendByHand(path, { kind: 'log-restored', by: 'user 0', reason: 'x' }),
      /record 31 says log-restored and is not signed/,
    ],
    [
      'that there are two unsigned records of one run that are hours apart',
      path => {
        appendByHand(path, intent(1))
        appendByHand(path, intent(2), 10_000_000)
      },
      /took longer than 120 s/,
    ],
  ]
  for (const [what, change, doubt] of rows)
    it(`doubts ${doubt === undefined ? 'nothing of' : 'and writes down'} ${what}`, async () => {
      using folder = new Folder()
      assert.deepEqual(await run(folder.log, [STARTED, ...intents(30)]), [])
      change(folder.log)
      const size = readRecords(folder.log).length
      const doubts = await run(folder.log, [intent(99)])
      assert.equal(doubts.length, doubt === undefined ? 0 : 1, doubts.join())
      const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
      if (doubt === undefined) return assert.equal(verdict.kind, 'intact', JSON.stringify(verdict))
      assert.match(doubts[0] ?? '', doubt)
      assert.equal(verdict.kind, 'unsigned')
      const [record] = readRecords(folder.log).filter(({ kind }) => kind === 'log-unproven')
      assert.deepEqual([record?.unproven_to, record?.detail], [size, doubts[0]])
      assert.deepEqual(await run(folder.log, []), [], 'it is said once')
      await run(folder.log, [{ kind: 'log-restored', by: 'user 0', reason: 'looked into' }])
      assert.equal(verifyAuditLog({ path: folder.log, publicKey: VKEY }).kind, 'intact')
    })

  it('doubts that the kept checkpoint is gone, where an agent has run', async () => {
    using folder = new Folder()
    await run(folder.log, [STARTED])
    rmSync(keptCheckpointPath(folder.log))
    assert.match((await run(folder.log, []))[0] ?? '', /is gone/)
  })

  it('doubts more unsigned records than an end at any moment leaves, and says how far signatures come', async () => {
    using folder = new Folder()
    await run(folder.log, [STARTED])
    await run(folder.log, intents(70), 'none')
    assert.match((await run(folder.log, []))[0] ?? '', /no signature covers its records 1 to 70/)
    assert.equal(readRecords(folder.log).find(({ kind }) => kind === 'log-unproven')?.proven_to, 1)
  })

  it('signs what it wrote itself before it had its key, and verification names it', async () => {
    using folder = new Folder()
    await run(folder.log, [STARTED])
    const kept = await CheckpointKeeper.open(folder.log, new ManualClock(), UNHEARD)
    const doubts: string[] = []
    {
      await using open = await OpenLog.open(folder.log, { kept, onDoubt: detail => doubts.push(detail) })
      for (const entry of intents(100)) await open.log.append(entry)
      open.log.checkpointWith(SIGNER)
    }
    assert.deepEqual(doubts, [])
    const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    assert.deepEqual(verdict.kind === 'intact' && verdict.signedLate, [{ from: 1, to: 101 }])
  })

  it('takes for its own what an earlier generation of its key signed, and no other', async () => {
    for (const [earlier, says] of [
      [[verifierOf(SIGNER)], 0],
      [[verifierOf(THIEF)], 1],
    ] as const) {
      using folder = new Folder()
      await run(folder.log, [STARTED])
      assert.equal((await run(folder.log, [], NEXT, earlier)).length, says)
    }
  })

  it('keeps each newest checkpoint once the log has it', async () => {
    using folder = new Folder()
    for (const size of [1, 2, 3]) {
      await run(folder.log, [intent(size)])
      const { state } = JSON.parse(readFileSync(keptCheckpointPath(folder.log), 'utf8'))
      assert.equal(state.split('\n')[1], String(size))
    }
  })
})

describe('a log without the checkpoint that was kept', () => {
  const changes: [what: string, change: (path: string) => unknown][] = [
    ['was cut', path => cutTo(path, 20)],
    [
      'was changed with every hash',
      path => rewriteFrom(path, text => text.replace('"nonce-3"', '"nonce-4"')),
    ],
    ['lost it', path => tamper(path, database => database.exec('DELETE FROM checkpoint WHERE size = 31'))],
    [
      'has a later checkpoint that does not fit the records',
      path =>
        tamper(path, database =>
          database.exec(
            'INSERT INTO checkpoint SELECT size + 1, root, frontier, NULL FROM checkpoint WHERE size = 31',
          ),
        ),
    ],
  ]
  for (const [what, change] of changes)
    it(`is not opened: it ${what}`, async () => {
      using folder = new Folder()
      await run(folder.log, [STARTED, ...intents(30)])
      change(folder.log)
      await assert.rejects(run(folder.log, []), /corrupt: the audit log was changed or cut/)
    })

  it('that was changed before it can be opened, and what is signed then contradicts it for ever', async () => {
    using folder = new Folder()
    await run(folder.log, [STARTED, ...intents(30)])
    rewriteLeaf(folder.log)
    await run(folder.log, [intent(40)])
    const verdict = verifyAuditLog({ path: folder.log, publicKey: VKEY })
    assert.equal(verdict.kind, 'tampered')
  })
})

/** Changes a record and its hash, and no checkpoint. */
function rewriteLeaf(path: string): void {
  const checkpoints = { rows: [] as unknown[] }
  tamper(path, database => {
    checkpoints.rows = database.prepare('SELECT size, root, frontier, note FROM checkpoint').all()
  })
  rewriteFrom(path, text => text.replace('"nonce-3"', '"nonce-4"'))
  tamper(path, database => {
    const put = database.prepare(
      'UPDATE checkpoint SET root = @root, frontier = @frontier, note = @note WHERE size = @size',
    )
    for (const row of checkpoints.rows) put.run(row)
  })
}

/** The kept checkpoint, signed by another key under the same name. */
function resigned(path: string): string {
  const { state } = JSON.parse(readFileSync(keptCheckpointPath(path), 'utf8')) as { state: string }
  const [, size, root] = state.split('\n')
  return signCheckpoint(Number(size), Buffer.from(root ?? '', 'base64'), THIEF)
}
