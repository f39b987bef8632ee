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

/** A clock that somebody sets. */
class SetClock extends VirtualClock {
  setBy = 0

  override wall(): number {
    return super.wall() + this.setBy
  }
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

test('no clock that is set makes a hold shorter or longer', async () => {
  const clock = new SetClock()
  const { holds } = rig({ now: at(30) }, clock)
  holds.begin('pump')
  await clock.advance(5000)
  // The gateway had no battery for its clock, and has just been told the time.
  clock.setBy = 2 * 60 * MINUTES
  assert.match(holds.heldBy('pump') ?? '', /until 2026-01-01T02:10:00.000Z at least$/)
  clock.setBy = -3 * 60 * MINUTES
  await clock.advance(10 * MINUTES - 5000 - 1)
  assert.ok(holds.heldBy('pump'))
  await clock.advance(1)
  assert.equal(holds.heldBy('pump'), undefined)
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

test('what passes while no agent runs does not count, whatever the clock says after it', async () => {
  const reading = { now: at(30) }
  const first = rig(reading)
  first.holds.begin('pump')
  await first.clock.advance(4 * MINUTES)
  const second = rig(reading, new VirtualClock(first.clock.wall() + 365 * 24 * 60 * MINUTES))
  second.holds.restore(first.holds.kept)
  await second.clock.advance(6 * MINUTES - 1)
  assert.ok(second.holds.heldBy('pump'))
  await second.clock.advance(1)
  assert.equal(second.holds.heldBy('pump'), undefined)
})

test('how far a hold has come is to be written down every minute while it lasts, and once more when the agent stops', async () => {
  const { clock, holds, changes } = rig({ now: at(30) })
  holds.begin('pump')
  await clock.advance(3.5 * MINUTES)
  assert.equal(changes(), 4)
  await holds[Symbol.asyncDispose]()
  assert.equal(changes(), 5)
  assert.deepEqual(holds.kept, { pump: 6.5 * MINUTES })
  const over = rig({ now: at(30) })
  over.holds.begin('pump')
  await over.clock.advance(60 * MINUTES)
  assert.deepEqual([over.changes(), over.holds.kept], [11, {}])
  await over.holds[Symbol.asyncDispose]()
  assert.equal(over.changes(), 11)
})

test('a hold lasts no longer than its rule says now; one without a rule is none, and is kept for a run that has the rule', async () => {
  const { clock, holds } = rig({ now: at(30) })
  holds.restore({ pump: 365 * 24 * 60 * MINUTES, fan: 5 * MINUTES })
  assert.equal(holds.heldBy('fan'), undefined)
  assert.deepEqual(holds.kept, { pump: 10 * MINUTES, fan: 5 * MINUTES })
  await clock.advance(10 * MINUTES)
  assert.equal(holds.heldBy('pump'), undefined)
})

test('an actuator without a hold is never held', () => {
  const { holds, changes } = rig({ now: at(90) })
  holds.begin('valve')
  assert.equal(holds.heldBy('valve'), undefined)
  assert.equal(changes(), 0)
})
