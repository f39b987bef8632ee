import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WriteResult } from '../../../drivers/driver.ts'
import { Deadlines, type Patience } from '../../../drivers/modbus/deadlines.ts'
import { Joint } from '../../../drivers/modbus/joint.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { Dice } from '../dice.ts'

const ACCEPTED: WriteResult = { kind: 'accepted' }
const BUSY: WriteResult = {
  kind: 'unreachable',
  reason: 'other requests kept the device busy until the deadline',
}

interface Written {
  readonly patience: Patience
  send(): void
  end(result: WriteResult): void
}

/** Writes that are sent and end when the test says so, or unsent when their patience ends. */
function rig() {
  const clock = new VirtualClock()
  const deadlines = new Deadlines(clock)
  const writes: Written[] = []
  const joint = new Joint(deadlines, (patience, onSent) => {
    const { promise, resolve } = Promise.withResolvers<WriteResult>()
    const wait = deadlines.watch(patience, () => resolve(BUSY))
    const send = () => {
      wait.end()
      onSent()
    }
    writes.push({ patience, send, end: resolve })
    return promise
  })
  const ended: string[] = []
  /** Somebody writes; what comes of it is put down with his name. */
  const write = (name: string, timeout: number, stop?: AbortSignal) => {
    const result = joint.write(deadlines.from(timeout, stop))
    void result.then(({ kind }) => ended.push(`${name} ${kind}`))
    return result
  }
  const at = (index: number) => writes[index] ?? assert.fail(`there is no write ${index}`)
  return { clock, writes, at, ended, write }
}

test('whoever asks while a write waits for its turn waits for that one, and it is his too', async () => {
  const { writes, at, write } = rig()
  const results = [write('a', 100), write('b', 100), write('c', 100)]
  assert.equal(writes.length, 1)
  at(0).send()
  at(0).end(ACCEPTED)
  assert.deepEqual(await Promise.all(results), [ACCEPTED, ACCEPTED, ACCEPTED])
})

test('nobody is told of a write that was sent before he asked', async () => {
  const { clock, writes, at, ended, write } = rig()
  void write('a', 100)
  at(0).send()
  void write('b', 100)
  void write('c', 100)
  assert.equal(writes.length, 2)
  at(0).end(ACCEPTED)
  await clock.advance(1)
  assert.deepEqual(ended, ['a accepted'])
  at(1).send()
  at(1).end({ kind: 'rejected', reason: 'no' })
  await clock.advance(1)
  assert.deepEqual(ended, ['a accepted', 'b rejected', 'c rejected'])
})

test('when the patience of the first ends unsent, it is written with that of the next, and each ends in his own time', async () => {
  const { clock, writes, at, ended, write } = rig()
  void write('a', 50)
  await clock.advance(10)
  void write('b', 20)
  void write('c', 100)
  await clock.advance(20)
  assert.deepEqual(ended, ['b unreachable'])
  await clock.advance(20)
  assert.deepEqual(ended, ['b unreachable', 'a unreachable'])
  assert.equal(writes.length, 2)
  assert.equal(at(1).patience.until, 110)
  void write('d', 100)
  assert.equal(writes.length, 2)
  at(1).send()
  await clock.advance(1000)
  at(1).end(ACCEPTED)
  await clock.advance(1)
  assert.deepEqual(ended, ['b unreachable', 'a unreachable', 'c accepted', 'd accepted'])
})

test('who does not want it any more ends nothing for the others; when nobody does, it is given up', async () => {
  const { clock, writes, at, ended, write } = rig()
  const [a, b, c] = [new AbortController(), new AbortController(), new AbortController()]
  void write('a', 100, a.signal)
  void write('b', 100, b.signal)
  a.abort()
  at(0).send()
  void write('c', 100, c.signal)
  await clock.advance(1)
  assert.deepEqual(ended, ['a unreachable'])
  assert.equal(at(0).patience.stop?.aborted, false)
  b.abort()
  await clock.advance(1)
  assert.deepEqual(ended, ['a unreachable', 'b unknown'])
  assert.equal(at(0).patience.stop?.aborted, true)
  c.abort()
  assert.equal(at(1).patience.stop?.aborted, true)
  assert.equal(writes.length, 2)
  void write('d', 100)
  assert.equal(writes.length, 3)
})

test('nothing goes out after the last who waited was told that nothing was sent, however long the first would have waited', async () => {
  const { clock, writes, at, ended, write } = rig()
  const a = new AbortController()
  void write('a', 1000, a.signal)
  await clock.advance(100)
  void write('b', 300)
  await clock.advance(100)
  a.abort()
  await clock.advance(200)
  assert.deepEqual(ended, ['a unreachable', 'b unreachable'])
  assert.equal(at(0).patience.stop?.aborted, true)
  await clock.advance(1000)
  assert.equal(writes.length, 1)
})

test('one that finds no turn in all its time ends as late, and not as unwanted', async () => {
  const { clock, at, ended, write } = rig()
  void write('a', 100)
  await clock.advance(100)
  assert.deepEqual(ended, ['a unreachable'])
  assert.equal(at(0).patience.stop?.aborted, false)
})

test('when the line is lost everybody who waits is told, and nothing is written again', async () => {
  const { clock, writes, at, ended, write } = rig()
  for (const name of ['a', 'b']) void write(name, 100)
  at(0).end({ kind: 'unreachable', reason: 'the connection was lost' })
  await clock.advance(200)
  assert.deepEqual(ended, ['a unreachable', 'b unreachable'])
  assert.equal(writes.length, 1)
})

test('whose patience is over before he asks writes nothing', async () => {
  const { writes, write } = rig()
  const results = [await write('a', 0), await write('b', 100, AbortSignal.abort())]
  const reason = 'given up before it was sent'
  assert.deepEqual(results, [
    { kind: 'unreachable', reason },
    { kind: 'unreachable', reason },
  ])
  assert.equal(writes.length, 0)
})

test('a mistake of ours is seen by everybody who waits, and the next write is another', async () => {
  const deadlines = new Deadlines(new VirtualClock())
  let writes = 0
  const joint = new Joint(deadlines, async () => {
    writes += 1
    await Promise.resolve()
    throw new TypeError('a mistake')
  })
  for (let round = 1; round <= 2; round += 1) {
    const results = await Promise.allSettled([1, 2].map(() => joint.write(deadlines.from(100))))
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.equal(writes, round)
  }
})

test('whatever comes when: everybody ends, and who is told of a write asked before it was sent', async () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const dice = new Dice(seed)
    const clock = new VirtualClock()
    const deadlines = new Deadlines(clock)
    let calls = 0
    let ended = 0
    const joint = new Joint(deadlines, async (patience, onSent) => {
      // It waits for its turn, and unless that comes too late it is sent, and answered after a while.
      await clock.sleep(dice.below(60), patience.stop)
      if (deadlines.isOver(patience)) return BUSY
      onSent()
      const reason = String(calls)
      await clock.sleep(dice.below(30), patience.stop)
      return { kind: 'rejected', reason }
    })
    for (let step = 0; step < 60; step += 1) {
      for (let count = dice.below(3); count > 0; count -= 1) {
        calls += 1
        const number = calls
        const stop = new AbortController()
        if (dice.below(4) === 0) void clock.sleep(dice.below(40)).then(() => stop.abort())
        void joint.write(deadlines.from(1 + dice.below(80), stop.signal)).then(result => {
          ended += 1
          if (result.kind === 'rejected') assert.ok(Number(result.reason) >= number, `seed ${seed}`)
          else assert.ok(result.kind === 'unreachable' || result.kind === 'unknown', `seed ${seed}`)
        })
      }
      await clock.advance(dice.below(15))
    }
    await clock.advance(1000)
    assert.equal(ended, calls, `seed ${seed}`)
  }
})
