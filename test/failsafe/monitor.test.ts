import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Monitor, type MonitoredPoint } from '../../failsafe/monitor.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { FakeDriver } from '../drivers/fake-driver.ts'

function rig(staleAfter = 2000) {
  const clock = new VirtualClock()
  const driver = new FakeDriver({ level: 1200, temperature: 32 })
  const point = (name: string): [string, MonitoredPoint] => [
    name,
    { driver, point: name, every: 500, staleAfter, timeout: 5000 },
  ]
  const monitor = new Monitor(new Map([point('level'), point('temperature')]), clock)
  return { clock, driver, monitor }
}

test('nothing is read before it is started, and what was not read is of bad quality', async () => {
  const { clock, driver, monitor } = rig()
  await clock.advance(5000)
  assert.deepEqual(driver.reads, [])
  assert.deepEqual(monitor.latest('level'), { quality: 'bad', detail: 'it has not been read yet' })
  assert.deepEqual(monitor.latest('moon'), { quality: 'bad', detail: 'there is no reading moon' })
})

test('each point is read at its pace, those of one moment together; its value has an age', async () => {
  const { clock, driver, monitor } = rig()
  monitor.start()
  await clock.advance(1900)
  assert.deepEqual(driver.reads, Array.from({ length: 4 }, () => ['level', 'temperature']).flat())
  const reading = monitor.latest('level')
  assert.equal(reading.quality === 'good' && reading.value, 1200)
  assert.ok(reading.quality === 'good' && reading.age < 500)
  assert.deepEqual(driver.writes, [], 'it writes nothing')
  await monitor[Symbol.asyncDispose]()
})

test('a value grows old and is of bad quality then, with what is wrong; the last good one is still told', async () => {
  const { clock, driver, monitor } = rig()
  monitor.start()
  await clock.advance(1000)
  driver.nextRead = { kind: 'failed', reason: 'no cable' }
  await clock.advance(1000)
  assert.equal(monitor.latest('level').quality, 'good')
  assert.equal(monitor.unreadable('level'), 'no cable')
  await clock.advance(2000)
  const stale = monitor.latest('level')
  assert.ok(stale.quality === 'bad')
  assert.equal(stale.value, 1200)
  assert.match(stale.detail, /^its last value is .* old: no cable$/)
  driver.nextRead = undefined
  await clock.advance(1000)
  assert.equal(monitor.latest('level').quality, 'good')
  assert.equal(monitor.unreadable('level'), undefined)
  await monitor[Symbol.asyncDispose]()
})

test('a read that hangs is not asked again on top of itself', async () => {
  const { clock, driver, monitor } = rig()
  const hung = Promise.withResolvers<{ kind: 'value'; value: number; age: number }>()
  let asked = 0
  driver.read = async () => {
    asked += 1
    return await hung.promise
  }
  monitor.start()
  await clock.advance(5000)
  assert.equal(asked, 2, 'once for each point')
  assert.equal(monitor.latest('level').quality, 'bad')
  hung.resolve({ kind: 'value', value: 1, age: 0 })
  await clock.advance(1000)
  assert.ok(asked > 2)
  await monitor[Symbol.asyncDispose]()
})

test('a driver that throws is a reading of bad quality, and the next is tried', async () => {
  const { clock, driver, monitor } = rig()
  const { read } = driver
  driver.read = async () => {
    throw new RangeError('out of range')
  }
  monitor.start()
  await clock.advance(1000)
  assert.match(JSON.stringify(monitor.latest('level')), /a mistake in the driver: out of range/)
  driver.read = read
  await clock.advance(1000)
  assert.equal(monitor.latest('level').quality, 'good')
  await monitor[Symbol.asyncDispose]()
})
