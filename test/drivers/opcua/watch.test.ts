import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceFault, StatusCodes } from 'node-opcua-client'
import type { OpcUaDriver } from '../../../drivers/opcua/driver.ts'
import type { Watch } from '../../../drivers/opcua/watch.ts'
import { valueIn } from '../driver.contract.ts'
import { foreignSite } from './foreign-site.ts'
import { connect, POINTS, point, site } from './site.ts'

const SOON = 150
const LATER = 5000
const WISHES = new Map([['in', { every: 50, staleAfter: 20_000 }]])

/** Looks until there is what is wanted; the test's deadline ends what never comes. */
async function until(watch: Watch, wanted: number | RegExp): Promise<void> {
  for (;;) {
    const found = valueIn(await watch.read('in', SOON))
    if (typeof wanted === 'number' ? found === wanted : wanted.test(String(found))) return
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Counts how often the driver reads. */
function counting(driver: OpcUaDriver): { readonly asked: { count: number } } {
  const asked = { count: 0 }
  const read = driver.read.bind(driver)
  driver.read = (name, signal) => {
    asked.count += 1
    return read(name, signal)
  }
  return { asked }
}

test('both servers tell of changes by themselves, with their age and their quality', async () => {
  const ours = async () => {
    const plant = await site()
    const setInput = async (value: number) => void plant.server.held.set('In', value)
    const spoil = async () => {
      plant.server.inStatus = 'BadSensorFailure'
    }
    return { plant, setInput, spoil }
  }
  const theirs = async () => {
    const plant = await foreignSite()
    const setInput = async (value: number) => void (await plant.server.ask(`set In ${value}`))
    const spoil = async () => void (await plant.server.ask('status In 808c0000'))
    return { plant, setInput, spoil }
  }
  for (const start of [ours, theirs]) {
    const { plant, setInput, spoil } = await start()
    await using _ = plant
    await using driver = await connect(plant.endpoint)
    const { asked } = counting(driver)
    const watch = driver.watch(WISHES)
    assert.equal(await watch.describe(AbortSignal.timeout(LATER)), 'told by the server, by subscription')
    // Until the first word of the server it is read.
    let before: number
    do {
      before = asked.count
      await until(watch, 0)
    } while (asked.count !== before)
    await setInput(42)
    await until(watch, 42)
    assert.equal(asked.count, before, 'it was told, and not read')
    const reading = await watch.read('in', LATER)
    assert.ok(reading.kind === 'value' && reading.age >= 50 && reading.age <= 20_000, JSON.stringify(reading))
    await spoil()
    await until(watch, /the server says BadSensorFailure/)
  }
})

test('a server that falls silent is asked, and what it does not answer is bad; when it is back, it tells again', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  const watch = driver.watch(new Map([['in', { every: 50, staleAfter: 400 }]]))
  await watch.describe(AbortSignal.timeout(LATER))
  await until(watch, 0)
  plant.gate.mute()
  plant.server.held.set('In', 5)
  await until(watch, /did not answer in time|lost|no connection/)
  await plant.gate.shut()
  await plant.gate.open()
  await until(watch, 5)
  assert.equal(await watch.describe(AbortSignal.timeout(LATER)), 'told by the server, by subscription')
})

test('a server that gives no subscription is read, and it is said', async () => {
  await using plant = await foreignSite({ SUBSCRIPTIONS: '1' })
  await using other = await connect(plant.endpoint)
  assert.equal(
    await other.watch(WISHES).describe(AbortSignal.timeout(LATER)),
    'told by the server, by subscription',
  )
  await using driver = await connect(plant.endpoint)
  const watch = driver.watch(WISHES)
  assert.equal(
    await watch.describe(AbortSignal.timeout(LATER)),
    'asked for one by one: the server gives no subscription (BadTooManySubscriptions)',
  )
  await plant.server.ask('set In 12')
  assert.equal(valueIn(await watch.read('in', LATER)), 12)
})

test('a server that takes two nodes in one request tells of all of them', async () => {
  await using plant = await site()
  plant.server.takeAtOnce(2)
  const names = ['Boolean', 'Int16', 'UInt16', 'Int32', 'UInt32', 'Float', 'Double']
  const points = new Map([...POINTS, ...names.map(name => [name, point(`Type.${name}`)] as const)])
  await using driver = await connect(plant.endpoint, points)
  const { asked } = counting(driver)
  const watch = driver.watch(new Map([...names, 'in'].map(name => [name, { every: 50, staleAfter: 20_000 }])))
  assert.equal(await watch.describe(AbortSignal.timeout(LATER)), 'told by the server, by subscription')
  for (const name of [...names, 'in'])
    for (let before = -1; before !== asked.count; await new Promise(resolve => setImmediate(resolve))) {
      before = asked.count
      await watch.read(name, LATER)
    }
  const before = asked.count
  plant.server.held.set('In', 42)
  await until(watch, 42)
  assert.equal(asked.count, before, 'the last of them was told, and not read')
})

test('a try to subscribe that fails leaves no subscription at the server', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  const fault = new ServiceFault({ responseHeader: { serviceResult: StatusCodes.BadInternalError } })
  plant.server.lie = (_, request) =>
    request === 'CreateMonitoredItemsRequest' ? { response: fault } : undefined
  assert.match(await driver.watch(WISHES).describe(AbortSignal.timeout(LATER)), /no subscription/)
  assert.equal(plant.server.subscriptions, 0)
})

test('a node that the server does not know is read, and the others are told', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  const wishes = new Map([...WISHES, ['elsewhere-on-the-server', { every: 50, staleAfter: 400 }] as const])
  const watch = driver.watch(wishes)
  assert.equal(
    await watch.describe(AbortSignal.timeout(LATER)),
    'told by the server, by subscription, but for 1: BadNodeIdUnknown',
  )
  assert.equal(
    valueIn(await watch.read('elsewhere-on-the-server', LATER)),
    'the server says BadNodeIdUnknown',
  )
  await until(watch, 0)
})

test('what a write is confirmed with is read from the server after the write, whatever a subscription says', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  const watch = driver.watch(new Map([['out', { every: 50, staleAfter: 60_000 }]]))
  await watch.describe(AbortSignal.timeout(LATER))
  while ((await watch.read('out', LATER)).kind !== 'value')
    await new Promise(resolve => setImmediate(resolve))
  for (let value = 1; value <= 50; value += 1) {
    assert.deepEqual(await driver.write('out', value, LATER), { kind: 'accepted' })
    assert.equal(valueIn(await driver.read('out', LATER)), value)
  }
})
