import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CounterKeeper } from '../../../../agent/audit/counter/keeper.ts'
import { VirtualClock } from '../../../../simulator/virtual-clock.ts'
import { FakeCounter } from './fake-counter.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A keeper on a log that takes all counts, unless it is full, and what it told. */
function keeperRig({ jumpIsKnown = true } = {}) {
  const clock = new VirtualClock()
  const counter = new FakeCounter()
  const told: string[] = []
  let last: string | undefined
  let seq = -1
  const log = {
    isFull: false,
    append: async (entry: object) => {
      if (log.isFull) return { kind: 'unwritable', detail: 'the disk is full' } as const
      seq += 1
      last = JSON.stringify({ seq, ...entry })
      return { kind: 'durable', seq } as const
    },
    latest: async (kind: string) => ({
      kind: 'latest' as const,
      record: kind === 'log-counted' && last !== undefined ? { seq, text: last } : undefined,
    }),
    checkpoint: async () => ({ kind: 'sealed' }) as never,
  }
  const keeper = new CounterKeeper(log, counter, jumpIsKnown, clock, {
    rolledBack: detail => told.push(`rolled back: ${detail}`),
    meant: () => told.push('meant'),
    lost: detail => told.push(`lost: ${detail}`),
    unavailable: () => told.push('unavailable'),
    available: () => told.push('available'),
  })
  return { clock, counter, log, told, keeper }
}

test('the counter is moved on at the start and once an hour, and not more often', async () => {
  const { clock, counter, keeper } = keeperRig()
  await using _keeper = keeper
  keeper.start()
  await clock.advance(0)
  const atStart = counter.value ?? 0
  assert.equal(atStart, 1)
  await clock.advance(HOUR - 1)
  assert.equal(counter.value, atStart)
  await clock.advance(1)
  assert.equal(counter.value, atStart + 1)
  await clock.advance(22 * HOUR)
  assert.equal(counter.value, atStart + 23)
})

test('it says where the counter stands, how long ago it was counted on, and how the last turn ended, without asking the TPM', async () => {
  const { clock, counter, keeper } = keeperRig()
  await using _keeper = keeper
  await clock.advance(MINUTE)
  assert.deepEqual(keeper.state, { counter: undefined, age: MINUTE, last: undefined })
  keeper.start()
  await clock.advance(0)
  assert.deepEqual(keeper.state, { counter: 1, age: 0, last: 'begins' })
  await clock.advance(HOUR + MINUTE)
  assert.deepEqual(keeper.state, { counter: 2, age: MINUTE, last: 'agrees' })
  counter.answers = 0
  await clock.advance(HOUR)
  assert.deepEqual(keeper.state, { counter: 2, age: HOUR + MINUTE, last: 'unavailable' })
  counter.answers = Number.POSITIVE_INFINITY
  counter.value = 9
  await clock.advance(MINUTE / 2)
  assert.deepEqual(keeper.state, { counter: 10, age: 0, last: 'rolled-back' })
})

test('a roll-back while the agent runs is told at the next hour', async () => {
  const { clock, counter, told, keeper } = keeperRig()
  await using _keeper = keeper
  keeper.start()
  await clock.advance(HOUR)
  assert.deepEqual(told, ['meant'])
  counter.value = (counter.value ?? 0) + 5
  await clock.advance(HOUR)
  assert.match(told[1] ?? '', /^rolled back: .*the TPM's counter stands at 7/)
})

test('a roll-back is told at once though the TPM cannot count, and once', async () => {
  const { clock, counter, told, keeper } = keeperRig({ jumpIsKnown: false })
  await using _keeper = keeper
  counter.value = 40
  counter.answers = 1
  keeper.start()
  await clock.advance(0)
  assert.match(told[1] ?? '', /^rolled back: .*the TPM's counter stands at 40/)
  assert.deepEqual(told.slice(2), ['unavailable'])
  assert.equal(keeper.state.last, 'rolled-back', 'and the state says so as well')
  counter.answers = 0
  await clock.advance(MINUTE / 2)
  assert.equal(keeper.state.last, 'rolled-back')
  counter.answers = Number.POSITIVE_INFINITY
  await clock.advance(MINUTE)
  assert.deepEqual(told.slice(2), ['unavailable', 'available'])
  assert.equal(keeper.state.last, 'rolled-back', 'until a turn has not found it')
  await clock.advance(HOUR)
  assert.equal(keeper.state.last, 'agrees')
})

test('that the counter is behind its log is told at once though the TPM cannot count, and once', async () => {
  const { clock, counter, log, told, keeper } = keeperRig()
  await using _keeper = keeper
  await log.append({ kind: 'log-counted', counter: 40 })
  counter.value = 3
  counter.answers = 1
  keeper.start()
  await clock.advance(0)
  assert.match(told[1] ?? '', /^lost: .*the TPM's counter stands at 3/)
  assert.equal(keeper.state.last, 'lost')
  counter.answers = Number.POSITIVE_INFINITY
  await clock.advance(HOUR)
  assert.deepEqual(told.slice(2), ['unavailable', 'available'])
})

test('a roll-back is told at once though the disk takes no record of it, and once', async () => {
  const { clock, counter, log, told, keeper } = keeperRig({ jumpIsKnown: false })
  await using _keeper = keeper
  counter.value = 40
  log.isFull = true
  keeper.start()
  await clock.advance(HOUR)
  assert.match(told[1] ?? '', /^rolled back: /)
  assert.equal(told.length, 2)
  log.isFull = false
  await clock.advance(HOUR)
  assert.equal(told.length, 2)
  assert.equal(counter.value, 41)
  counter.value = 60
  await clock.advance(HOUR)
  assert.match(told[2] ?? '', /^rolled back: .*stands at 60/)
})

test('a TPM that is away is told once, asked again after half a minute, then more rarely, and told when it is back', async () => {
  const { clock, counter, told, keeper } = keeperRig()
  await using _keeper = keeper
  counter.answers = 0
  keeper.start()
  await clock.advance(5 * MINUTE)
  assert.deepEqual(told, ['meant', 'unavailable'])
  counter.answers = Number.POSITIVE_INFINITY
  // 30 s, 1, 2 and 4 minutes after one another: the next is 7.5 minutes after the start.
  await clock.advance(2 * MINUTE)
  assert.equal(counter.value, undefined)
  await clock.advance(MINUTE)
  assert.deepEqual(told, ['meant', 'unavailable', 'available'])
  assert.equal(counter.value, 1)
})
