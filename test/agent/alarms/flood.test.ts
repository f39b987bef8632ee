import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Flood } from '../../../agent/alarms/flood.ts'

const SECOND = 1000

test('one alarm is told of ten times a minute, the rest is counted, and another alarm of the name is told all the same', () => {
  const flood = new Flood()
  const told = Array.from({ length: 25 }, (_, at) => flood.admits('trip', 'valve', at * 100))
  assert.deepEqual(
    told,
    Array.from({ length: 25 }, (_, at) => at < 10),
  )
  flood.hold('trip', 'valve', 2500)
  flood.hold('trip', 'valve', 2600)
  assert.ok(flood.admits('trip', 'pump', 2500))
  assert.ok(flood.admits('certificate', 'plant-tls', 2500))
  assert.deepEqual(flood.ended(59_999), [])
  assert.deepEqual(flood.ended(60_000), [{ name: 'trip', count: 2, keys: ['valve'] }])
  assert.deepEqual(flood.ended(62_500), [], 'where nothing was held back there is nothing to say')
})

test('whoever invents what alarms are about has a hundred of a name told in a minute, and takes nothing from another name', () => {
  const flood = new Flood()
  const told = Array.from({ length: 500 }, (_, at) => flood.admits('identity-suspended', `subject ${at}`, at))
  assert.equal(told.filter(Boolean).length, 100)
  assert.ok(told.slice(0, 100).every(Boolean))
  assert.ok(flood.admits('trip', 'valve', SECOND))
})

test('what was held back is never lost: a window stands until it was told, however late', () => {
  const flood = new Flood()
  for (let count = 0; count < 10; count += 1) flood.admits('trip', 'valve', 0)
  flood.hold('trip', 'valve', 0)
  assert.equal(flood.admits('trip', 'valve', 90_000), false)
  assert.deepEqual(flood.ended(90_001), [{ name: 'trip', count: 1, keys: ['valve'] }])
  assert.ok(flood.admits('trip', 'valve', 90_002))
})

test('what waits for another window is not counted again, and what was told meanwhile does not wait', () => {
  const flood = new Flood()
  flood.hold('trip', 'valve', 0, 'counted')
  flood.hold('trip', 'pump', 0, 'counted')
  flood.release('trip', 'pump')
  assert.deepEqual(flood.ended(60_000), [{ name: 'trip', count: 0, keys: ['valve'] }])
})
