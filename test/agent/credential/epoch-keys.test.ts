import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EpochKeys, type Generation } from '../../../agent/credential/epoch-keys.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { memoryKey } from '../command/rig.ts'
import { SteppableClock } from '../time/steppable-clock.ts'

const DAY = 86_400_000
const HOUR = 3_600_000
/** The beginning of an epoch. */
const START = Date.UTC(2026, 5, 1)
const EPOCH = START / DAY

async function keysOf(generations: readonly [Generation, ...Generation[]], grace = 6 * HOUR) {
  const clock = new VirtualClock(START)
  const of = { environment: 'test', gateway: 'g1', epoch: DAY, grace }
  const keys = new EpochKeys(generations, of, clock)
  await keys.refresh(1000)
  return { clock, keys }
}

const first: Generation = { master: memoryKey('the first', 1), retiresAt: START + HOUR }
const second: Generation = { master: memoryKey('the second', 2), retiresAt: undefined }

test('an epoch’s key is good for its epoch and the grace, to the millisecond, and then it is wiped', async () => {
  const { clock, keys } = await keysOf([second])
  const answer = keys.keyFor(2, EPOCH)
  assert.ok(answer.kind === 'key')
  assert.equal(keys.keyFor(2, EPOCH + 1).kind, 'not-yet')
  await clock.advance(DAY)
  await keys.refresh(1000)
  assert.equal(keys.keyFor(2, EPOCH + 1).kind, 'key')
  await clock.advance(6 * HOUR - 1)
  assert.equal(keys.keyFor(2, EPOCH).kind, 'key')
  await clock.advance(1)
  assert.equal(keys.keyFor(2, EPOCH).kind, 'expired')
  await keys.refresh(1000)
  assert.deepEqual(answer.key, Buffer.alloc(32))
})

test('a generation that another one has followed is good until it retires, to the millisecond; then its keys are wiped', async () => {
  const { clock, keys } = await keysOf([first, second])
  const answer = keys.keyFor(1, EPOCH)
  assert.ok(answer.kind === 'key')
  assert.equal(keys.keyFor(2, EPOCH).kind, 'key')
  assert.equal(keys.keyFor(3, EPOCH).kind, 'not-yet')
  assert.equal(keys.untilNext(), HOUR)
  await clock.advance(HOUR - 1)
  assert.equal(keys.keyFor(1, EPOCH).kind, 'key')
  assert.deepEqual(keys.dropRetired(), [])
  await clock.advance(1)
  assert.equal(keys.keyFor(1, EPOCH).kind, 'expired')
  assert.deepEqual(keys.dropRetired(), [first])
  assert.deepEqual(answer.key, Buffer.alloc(32))
  assert.deepEqual(keys.dropRetired(), [], 'the newest never goes')
  assert.equal(keys.keyFor(2, EPOCH).kind, 'key')
})

test('a clock that is set ahead keeps nothing of before, and one that is set back gets the same keys again', async () => {
  const clock = new SteppableClock(START)
  const of = { environment: 'test', gateway: 'g1', epoch: DAY, grace: 6 * HOUR }
  const keys = new EpochKeys([second], of, clock)
  await keys.refresh(1000)
  const answer = keys.keyFor(2, EPOCH)
  assert.ok(answer.kind === 'key')
  const key = Buffer.from(answer.key)
  clock.step(10 * DAY)
  await keys.refresh(1000)
  assert.equal(keys.keyFor(2, EPOCH).kind, 'expired')
  assert.deepEqual(answer.key, Buffer.alloc(32))
  clock.step(-10 * DAY)
  assert.equal(keys.keyFor(2, EPOCH + 10).kind, 'not-yet')
  await keys.refresh(1000)
  const again = keys.keyFor(2, EPOCH)
  assert.deepEqual(again.kind === 'key' && Buffer.from(again.key), key)
})

test('while the master key is away nothing new is good, with its reason; what was derived stays good', async () => {
  const master = memoryKey()
  const { clock, keys } = await keysOf([{ master, retiresAt: undefined }])
  master.gone = true
  await clock.advance(DAY)
  await keys.refresh(1000)
  assert.deepEqual(keys.keyFor(1, EPOCH + 1), { kind: 'unavailable', detail: 'the TPM is gone' })
  assert.equal(keys.trouble?.reason, 'absent')
  assert.equal(keys.keyFor(1, EPOCH).kind, 'key')
  master.gone = false
  await keys.refresh(1000)
  assert.equal(keys.trouble, undefined)
  keys.wipe()
  assert.equal(keys.keyFor(1, EPOCH + 1).kind, 'unavailable')
})
