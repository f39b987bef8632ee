import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Driver } from '../../../drivers/driver.ts'
import { rtuOverTcpWay } from '../../../drivers/modbus/tcp.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected } from './connected.ts'
import { slowLine } from './slow-line.ts'

test('where answers name no request, a unit that owes one is left alone until it cannot come any more', async () => {
  await using line = await slowLine()
  const clock = new VirtualClock()
  await using connected = await Connected.to(
    rtuOverTcpWay({ host: '127.0.0.1', port: line.port }),
    { units: 3, timeout: 1000 },
    clock,
  )
  const points = { one: { holding_register: 1 }, two: { holding_register: 2 } }
  const slow = connected.driver(points, { unit: 1 })
  const other = connected.driver(points, { unit: 2 })

  const silent = slow.read('one', 1000)
  await clock.advance(1000)
  assert.equal((await silent).kind, 'failed')
  const early = await slow.read('two', 1000)
  assert.match(early.kind === 'failed' ? early.reason : '', /unit 1 owes an answer/)

  // The others on the line are asked meanwhile, and what comes late from the first is not theirs.
  const reading = other.read('one', 5000)
  await line.asked(2)
  line.say('010302dead')
  line.say('0203020007')
  assert.equal(valueIn(await reading), 7)

  await clock.advance(1000)
  const later = slow.read('two', 5000)
  await line.asked(3)
  line.say('0103020008')
  assert.equal(valueIn(await later), 8)
})

test('a new connection does not forget what is owed: the late answer may come over it', async () => {
  await using line = await slowLine()
  const clock = new VirtualClock()
  await using connected = await Connected.to(
    rtuOverTcpWay({ host: '127.0.0.1', port: line.port }),
    { units: 1, timeout: 1000 },
    clock,
  )
  const driver = connected.driver({ one: { holding_register: 1 }, two: { holding_register: 2 } })
  const silent = driver.read('one', 1000)
  await clock.advance(1000)
  assert.equal((await silent).kind, 'failed')
  await clock.advance(100)
  await connected.connected(true)
  const early = await driver.read('two', 1000)
  assert.match(early.kind === 'failed' ? early.reason : '', /unit 1 owes an answer/)
  assert.equal(line.requests.length, 1)
})

test('a connection that is lost under a request: its answer may come over the next one, and is not taken for another', async () => {
  await using line = await slowLine()
  const clock = new VirtualClock()
  await using connected = await Connected.to(
    rtuOverTcpWay({ host: '127.0.0.1', port: line.port }),
    { units: 2, timeout: 1000 },
    clock,
  )
  const points = { one: { holding_register: 1 }, two: { holding_register: 2 } }
  const driver = connected.driver(points, { unit: 1 })
  const other = connected.driver(points, { unit: 2 })
  const cut = driver.read('one', 5000)
  await line.asked(1)
  await clock.advance(500)
  line.hangUp()
  const lost = await cut
  assert.match(lost.kind === 'failed' ? lost.reason : '', /the connection was lost/)
  await clock.advance(50)
  await connected.connected(true)
  const owing = async () => {
    const reading = await driver.read('two', 5000)
    return reading.kind === 'failed' ? reading.reason : `it was read: ${JSON.stringify(reading)}`
  }
  assert.match(await owing(), /unit 1 owes an answer/)
  // The others are asked meanwhile.
  const reading = other.read('two', 5000)
  await line.asked(2)
  line.say('010302006f')
  line.say('0203020007')
  assert.equal(valueIn(await reading), 7)
  // It has all its time again from when the connection was lost.
  await clock.advance(949)
  assert.match(await owing(), /unit 1 owes an answer/)
  await clock.advance(1)
  const later = driver.read('two', 5000)
  await line.asked(3)
  line.say('01030200de')
  assert.equal(valueIn(await later), 0xde)
})

/** Two units of one line, of which one may take twenty times as long as the other. */
async function unlike() {
  await using stack = new AsyncDisposableStack()
  const line = stack.use(await slowLine())
  const clock = new VirtualClock()
  const way = rtuOverTcpWay({ host: '127.0.0.1', port: line.port })
  const connected = stack.use(await Connected.to(way, { units: 2 }, clock))
  const points = { one: { holding_register: 1 }, two: { holding_register: 2 } }
  const quick = connected.driver(points, { unit: 1, timeout: 500 })
  const slow = connected.driver(points, { unit: 2, timeout: 10_000 })
  const running = stack.move()
  return { line, clock, connected, quick, slow, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** What it comes to when a point is read that is not asked for. */
async function refusal(driver: Driver): Promise<string> {
  const reading = await driver.read('two', 500)
  return reading.kind === 'failed' ? reading.reason : `it was read: ${JSON.stringify(reading)}`
}

test('a unit is left alone for as long as it may take itself, and not for as long as the slowest on its line', async () => {
  await using rig = await unlike()
  const silent = rig.quick.read('one', 500)
  await rig.clock.advance(500)
  assert.equal((await silent).kind, 'failed')
  await rig.clock.advance(499)
  assert.match(await refusal(rig.quick), /unit 1 owes an answer/)
  await rig.clock.advance(1)
  const reading = rig.quick.read('two', 500)
  await rig.line.asked(2)
  rig.line.say('0103020008')
  assert.equal(valueIn(await reading), 8)
})

test('a gateway that lost its connection under a slow unit may answer for another only after it: that is waited out too', async () => {
  await using rig = await unlike()
  const cut = rig.slow.read('one', 10_000)
  await rig.line.asked(1)
  rig.line.hangUp()
  assert.equal((await cut).kind, 'failed')
  await rig.clock.advance(50)
  await rig.connected.connected(true)
  const behind = rig.quick.read('one', 500)
  await rig.line.asked(2)
  await rig.clock.advance(500)
  assert.equal((await behind).kind, 'failed')
  // The slow unit's time is over after ten seconds, and then the quick one has its own.
  await rig.clock.advance(9949)
  assert.match(await refusal(rig.quick), /unit 1 owes an answer/)
  await rig.clock.advance(1)
  const reading = rig.quick.read('two', 500)
  await rig.line.asked(3)
  rig.line.say('0103020008')
  assert.equal(valueIn(await reading), 8)
})
