import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TripEntries } from '../../agent/trip-entries.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const OF = { actuator: 'valve', cause: 'manual', detail: 'by erika' } as const
const SAFE = { setpoint: 'closed', write: 0, feedback: 0 }

function entries(safe: typeof SAFE | undefined = SAFE) {
  const clock = new VirtualClock(0)
  return { clock, told: new TripEntries(new Map([['valve', { safe }]]), clock) }
}

test('a trip says what is asked for, and its end what was found and how long it took', async () => {
  const { clock, told } = entries()
  assert.deepEqual(told.of('trip', OF, true, undefined), { kind: 'trip', ...OF, asked: 'closed' })
  await clock.advance(1500)
  assert.deepEqual(told.of('trip-failed', OF, true, undefined), {
    ...{ kind: 'trip-failed', ...OF, asked: 'closed', latency_ms: 1500 },
  })
  await clock.advance(500)
  const verified = { kind: 'trip-safe', ...OF, asked: 'closed', found: 'closed', outcome: 'verified' }
  assert.deepEqual(told.of('trip-safe', OF, false, undefined), { ...verified, latency_ms: 2000 })
})

test('one that is tripped again on its way is timed from the first, and one that is safe already from when it leaves its safe state', async () => {
  const { clock, told } = entries()
  told.of('trip', OF, true, undefined)
  await clock.advance(1000)
  told.of('trip', OF, true, undefined)
  assert.equal(told.of('trip-safe', OF, false, undefined).latency_ms, 1000)
  told.of('trip', OF, false, undefined)
  await clock.advance(60_000)
  told.of('trip-safe-lost', OF, true, undefined)
  await clock.advance(300)
  assert.equal(told.of('trip-safe', OF, false, undefined).latency_ms, 300)
})

test('what an earlier run began has no latency, and an actuator that holds where it is was asked for nothing', () => {
  assert.equal(entries().told.of('trip-safe', OF, false, undefined).latency_ms, undefined)
  const held = entries()
  const holding = new TripEntries(new Map([['valve', { safe: undefined }]]), held.clock)
  assert.deepEqual(holding.of('trip-safe', OF, false, undefined), { kind: 'trip-safe', ...OF })
})
