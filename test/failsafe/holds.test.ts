import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition } from '../../failsafe/condition.ts'
import { Holds } from '../../failsafe/holds.ts'
import type { Reading } from '../../failsafe/monitor.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const MINUTES = 60_000
const cold: Condition = { kind: 'below', reading: 'coolant', limit: 40, unit: '°C' }

function rig(reading: { now: Reading }, clock = new VirtualClock(), until: Condition = cold) {
  let changes = 0
  const holds = new Holds(
    new Map([['pump', { atLeast: 10 * MINUTES, until }]]),
    { latest: () => reading.now },
    clock,
    () => {
      changes += 1
    },
  )
  return { clock, holds, changes: () => changes }
}

const at = (value: number): Reading => ({ quality: 'good', value, age: 0 })

test('cooling stays on for its time and until it is cold, whichever is later', async () => {
  const reading = { now: at(30) }
  const { clock, holds, changes } = rig(reading)
  assert.equal(holds.heldBy('pump'), undefined)
  holds.begin('pump')
  assert.equal(changes(), 1)
  await clock.advance(10 * MINUTES - 1)
  assert.match(
    holds.heldBy('pump') ?? '',
    /^it is held in its safe state until 2026-01-01T00:10:00.000Z at least$/,
  )
  await clock.advance(1)
  assert.equal(holds.heldBy('pump'), undefined)
  reading.now = at(56)
  assert.equal(
    holds.heldBy('pump'),
    'it is held in its safe state: coolant must be below 40 °C, and it is 56 °C',
  )
})

test('a sensor of bad quality keeps the hold, and it says so', async () => {
  const reading: { now: Reading } = { now: { quality: 'bad', detail: 'no cable' } }
  const { clock, holds } = rig(reading)
  holds.begin('pump')
  await clock.advance(60 * MINUTES)
  assert.match(
    holds.heldBy('pump') ?? '',
    /coolant is of bad quality: no cable \(coolant must be below 40 °C\)$/,
  )
})

test('a hold goes on over a restart, for what is left of it', async () => {
  const reading = { now: at(30) }
  const first = rig(reading)
  first.holds.begin('pump')
  await first.clock.advance(4 * MINUTES)
  const second = rig(reading, first.clock)
  second.holds.restore(JSON.parse(JSON.stringify(first.holds.kept)))
  await first.clock.advance(6 * MINUTES - 1)
  assert.ok(second.holds.heldBy('pump'))
  await first.clock.advance(1)
  assert.equal(second.holds.heldBy('pump'), undefined)
})

test('a hold that was kept by a clock that was ahead lasts for its time and not for ever', async () => {
  const { clock, holds } = rig({ now: at(30) })
  holds.restore({ pump: clock.wall() + 365 * 24 * 60 * MINUTES, unheard: 1 })
  assert.deepEqual(Object.keys(holds.kept), ['pump'])
  await clock.advance(10 * MINUTES)
  assert.equal(holds.heldBy('pump'), undefined)
})

test('an actuator without a hold is never held', () => {
  const { holds, changes } = rig({ now: at(90) })
  holds.begin('valve')
  assert.equal(holds.heldBy('valve'), undefined)
  assert.equal(changes(), 0)
})
