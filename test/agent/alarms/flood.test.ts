import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Flood } from '../../../agent/alarms/flood.ts'

test('of one name ten a minute are told, the rest are counted, and another name is told all the same', () => {
  const flood = new Flood()
  const told = Array.from({ length: 25 }, (_, at) => flood.admits('trip', at * 100))
  assert.equal(told.filter(Boolean).length, 10)
  assert.ok(told.slice(0, 10).every(Boolean))
  assert.ok(flood.admits('certificate', 2500))
  assert.deepEqual(flood.ended(59_999), [])
  assert.deepEqual(flood.ended(60_000), [{ name: 'trip', count: 15 }])
  assert.deepEqual(flood.ended(62_500), [], 'ten and fewer leave nothing to say')
})

test('a surplus is never lost: a window stands until it was told, however late', () => {
  const flood = new Flood()
  for (let count = 0; count < 11; count += 1) flood.admits('trip', 0)
  assert.equal(flood.admits('trip', 90_000), false)
  assert.deepEqual(flood.ended(90_001), [{ name: 'trip', count: 2 }])
  assert.ok(flood.admits('trip', 90_002))
})
