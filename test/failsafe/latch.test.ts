import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FailsafeKeeper } from '../../failsafe/keeper.ts'
import { type Kept, latchFile, NOTHING_KEPT } from '../../failsafe/latch.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const record = { cause: 'authentication-failures', detail: 'forged', at: 1 } as const

const evidence = { identity: 'subject eve', count: 5, sources: ['10.0.0.1'], first: 1, last: 2 }

test('latches and suspensions are loaded as they were kept', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'latches.json')
  const acknowledged = { by: 'erika', at: 5 }
  const kept: Kept = {
    latches: {
      valve: { record: { ...record, evidence }, safe: true, latched: true },
      pump: { record: { ...record, acknowledged }, safe: false, latched: false },
    },
    suspended: { 'subject eve': { reason: 'forged', actuator: 'valve' } },
    closed: { lan: 'forged' },
    evidence: {
      buckets: [
        {
          actuator: 'valve',
          identity: 'subject eve',
          level: 2,
          leakedAt: 1,
          count: 3,
          first: 1,
          last: 2,
          sources: ['10.0.0.1'],
        },
      ],
      trips: { 'listener lan': [1, 2] },
    },
    holds: { pump: 3 },
  }
  await latchFile(path).save(kept)
  assert.deepEqual(await latchFile(path).load(), kept)
})

test('a hold that an older agent kept by the wall clock is not taken for over: it begins anew', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'latches.json')
  const { holds: _, ...older } = NOTHING_KEPT
  await writeFile(path, JSON.stringify({ ...older, held: { pump: 3 } }))
  const kept = await latchFile(path).load()
  assert.deepEqual(kept?.holds, { pump: Number.MAX_SAFE_INTEGER })
  await latchFile(path).save(kept)
  assert.deepEqual(await latchFile(path).load(), kept)
})

test('a latch file that is not whole is not taken for no latches', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'latches.json')
  for (const damage of [
    {},
    { latches: 3 },
    { latches: [] },
    { latches: { valve: {} } },
    { latches: { valve: { safe: true, latched: true, record: { cause: 'x', detail: '', at: 1 } } } },
    { latches: { valve: { safe: true, latched: true, record: { ...record, evidence: { count: 5 } } } } },
    { suspended: { eve: {} } },
    { closed: { lan: 3 } },
    { evidence: { buckets: [{}], trips: {} } },
    { held: { pump: 'yesterday' } },
    { holds: { pump: 'for ever' } },
    { unheard: {} },
  ]) {
    const text = JSON.stringify(Object.keys(damage).length === 0 ? {} : { ...NOTHING_KEPT, ...damage })
    await writeFile(path, text)
    await assert.rejects(latchFile(path).load(), SyntaxError, text)
  }
})

test('a disk that does not take the latches is reported once, and so is that it takes them again', async () => {
  await using temporary = await temporaryFolder()
  const folder = temporary.path
  const path = join(folder, 'state', 'latches.json')
  await writeFile(join(folder, 'state'), 'a file where a folder should be')
  const clock = new VirtualClock()
  const troubles: (string | undefined)[] = []
  const reported = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  const keeper = new FailsafeKeeper(latchFile(path), clock, detail => {
    troubles.push(detail)
    if (detail === undefined) over.resolve()
    else reported.resolve()
  })
  keeper.suspend('subject eve', 'valve', 'forged')
  await reported.promise
  await rm(join(folder, 'state'))
  await clock.advance(1000)
  await over.promise
  assert.deepEqual((await latchFile(path).load())?.suspended, {
    'subject eve': { reason: 'forged', actuator: 'valve' },
  })
  await keeper[Symbol.asyncDispose]()
  assert.equal(troubles.length, 2)
  assert.match(troubles[0] ?? '', /EEXIST|ENOTDIR/)
  assert.equal(troubles[1], undefined, 'it is said to be over')
})

test('whoever waits for what changed finds it on the disk, also while an earlier change is being written', async () => {
  await using temporary = await temporaryFolder()
  const file = latchFile(join(temporary.path, 'latches.json'))
  await using keeper = new FailsafeKeeper(file, new VirtualClock(), detail => assert.fail(detail))
  assert.equal(await keeper.kept(), undefined, 'nothing has changed')
  keeper.suspend('subject eve', 'valve', 'forged')
  keeper.suspend('subject mallory', 'valve', 'forged')
  keeper.lift('valve')
  assert.equal(await keeper.kept(), undefined)
  assert.deepEqual((await file.load())?.suspended, {})
})

test('whoever waits for what a disk does not take is told why, and waits no longer', async () => {
  await using temporary = await temporaryFolder()
  await writeFile(join(temporary.path, 'state'), 'a file where a folder should be')
  const file = latchFile(join(temporary.path, 'state', 'latches.json'))
  await using keeper = new FailsafeKeeper(file, new VirtualClock(), () => {})
  keeper.suspend('subject eve', 'valve', 'forged')
  assert.match((await keeper.kept()) ?? '', /EEXIST|ENOTDIR/)
})

test('while the disk is in trouble nobody waits for its next attempt', async () => {
  const attempts = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let attempt = 0
  const file = {
    save: async () => {
      attempt += 1
      await attempts[attempt - 1]?.promise
    },
  }
  const clock = new VirtualClock()
  const troubles: (string | undefined)[] = []
  await using keeper = new FailsafeKeeper(file, clock, detail => {
    troubles.push(detail)
  })
  keeper.suspend('subject eve', 'valve', 'forged')
  const first = keeper.kept()
  attempts[0]?.reject(new Error('the disk has not answered for 3 s'))
  assert.equal(await first, 'the disk has not answered for 3 s')
  keeper.suspend('subject mallory', 'valve', 'forged')
  assert.equal(await keeper.kept(), 'the disk has not answered for 3 s', 'before the next attempt')
  await clock.advance(1000)
  assert.equal(attempt, 2)
  assert.equal(await keeper.kept(), 'the disk has not answered for 3 s', 'during the next attempt')
  attempts[1]?.resolve()
  await clock.advance(0)
  assert.equal(await keeper.kept(), undefined)
  assert.deepEqual(troubles, ['the disk has not answered for 3 s', undefined])
})
