import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Expectations } from '../../failsafe/expectations.ts'
import { Heartbeats } from '../../failsafe/heartbeats.ts'
import type { Reading } from '../../failsafe/monitor.ts'
import { Supervision } from '../../failsafe/supervision.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const open = { setpoint: 'open', write: 1, feedback: 1000 }
const at = (value: number): Reading => ({ quality: 'good', value, age: 0 })

test('an actuator that is away from safe needs a heartbeat within its time, also after a restart; one that is safe needs none', async () => {
  const clock = new VirtualClock()
  const heartbeats = new Heartbeats(clock)
  await clock.advance(30_000)
  assert.equal(heartbeats.lost('valve', 30_000, false), undefined)
  await clock.advance(1)
  assert.equal(
    heartbeats.lost('valve', 30_000, false),
    "no operator's heartbeat for 30s, and it takes one every 30s",
  )
  heartbeats.beat('valve')
  assert.equal(heartbeats.lost('valve', 30_000, false), undefined)
  await clock.advance(100_000)
  assert.equal(heartbeats.lost('valve', 30_000, true), undefined)
  await clock.advance(30_000)
  assert.equal(heartbeats.lost('valve', 30_000, false), undefined, 'it has only just left its safe state')
})

test('an actuator is missed when its feedback shows another place than it was commanded to; a bad reading misses nothing', () => {
  const expectations = new Expectations()
  assert.equal(expectations.missed('valve', at(0), 10), undefined, 'nobody has commanded it')
  expectations.expect('valve', open)
  assert.equal(expectations.missed('valve', at(995), 10), undefined)
  assert.equal(expectations.missed('valve', { quality: 'bad', detail: 'no cable' }, 10), undefined)
  assert.equal(expectations.missed('valve', at(500), 10), 'it was set to open and its feedback shows 500')
  expectations.forget('valve')
  assert.equal(expectations.missed('valve', at(500), 10), undefined)
})

test('a movement is a heartbeat, ends the old expectation and begins the new one; towards safe it begins the hold', async () => {
  const clock = new VirtualClock()
  const heartbeats = new Heartbeats(clock)
  const expectations = new Expectations()
  const held: string[] = []
  const holds = { begin: (id: string) => void held.push(id) } as unknown as ConstructorParameters<
    typeof Supervision
  >[2]
  const supervision = new Supervision(heartbeats, expectations, holds)
  await clock.advance(60_000)
  supervision.moving('valve')
  assert.equal(heartbeats.lost('valve', 1000, false), undefined)
  supervision.moved('valve', open, false)
  assert.ok(expectations.missed('valve', at(0), 10))
  supervision.moving('valve')
  assert.equal(expectations.missed('valve', at(0), 10), undefined, 'it is on its way')
  assert.deepEqual(held, [])
  supervision.moved('valve', { setpoint: 'closed', write: 0, feedback: 0 }, true)
  supervision.tripped('pump')
  assert.deepEqual(held, ['valve', 'pump'])
})
