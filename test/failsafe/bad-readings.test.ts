import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadReadings } from '../../failsafe/bad-readings.ts'
import type { Reading } from '../../failsafe/monitor.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const GOOD: Reading = { quality: 'good', value: 1200, age: 0 }
const BAD: Reading = { quality: 'bad', detail: 'no cable' }

test('a reading of bad quality is told of once, when it has lasted, and that it is good again', async () => {
  const clock = new VirtualClock()
  const latest: Record<string, Reading> = { level: BAD, coolant: GOOD }
  const told: string[] = []
  const readings = new BadReadings(['level', 'coolant'], { latest: id => latest[id] ?? BAD }, clock, {
    bad: (reading, detail) => told.push(`${reading} bad: ${detail}`),
    good: reading => told.push(`${reading} good`),
  })
  readings.start()
  await clock.advance(1500)
  latest.level = GOOD
  await clock.advance(1000)
  assert.deepEqual(told, [], 'one that was never told of is not told to be good again')
  latest.level = BAD
  await clock.advance(1500)
  assert.deepEqual(told, [], 'a break begins it anew')
  await clock.advance(60_000)
  assert.deepEqual(told, ['level bad: no cable'])
  latest.level = GOOD
  await clock.advance(1000)
  assert.deepEqual(told, ['level bad: no cable', 'level good'])
  await readings[Symbol.asyncDispose]()
})
