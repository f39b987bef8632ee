import assert from 'node:assert/strict'
import { test } from 'node:test'
import { subscribedPoints } from '../../agent/subscribed-points.ts'
import { Watch } from '../../drivers/opcua/watch.ts'
import { FakeDriver } from '../drivers/fake-driver.ts'
import { connect, site } from '../drivers/opcua/site.ts'

test('points of an OPC UA server are told by it, and those of other devices are read as they were', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  const [watched, other] = [new FakeDriver({ in: 1 }), new FakeDriver({ level: 2 })]
  const pace = { every: 50, staleAfter: 20_000, timeout: 1000 }
  const monitored = new Map([
    ['position', { driver: watched, point: 'in', ...pace }],
    ['level', { driver: other, point: 'level', ...pace }],
  ])
  const points = subscribedPoints(monitored, [
    { driver, watched },
    { driver: other, watched: other },
  ])
  assert.deepEqual([...points.keys()], ['position', 'level'])
  assert.equal(points.get('level')?.driver, other)
  const watch = points.get('position')?.driver
  assert.ok(watch instanceof Watch)
  plant.server.held.set('In', 42)
  let reading = await watch.read('in', 5000)
  assert.ok(reading.kind === 'value' && reading.value === 1, 'until then the watched driver reads')
  while (reading.kind === 'failed' || reading.age < 50) {
    await new Promise(resolve => setImmediate(resolve))
    reading = await watch.read('in', 5000)
  }
  assert.equal(reading.value, 42)
  assert.deepEqual(new Set(watched.reads), new Set(['in']))
})
