import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataType, DataValue, ReadResponse, StatusCodes } from 'node-opcua-client'
import { RANGES } from '../../../drivers/opcua/point.ts'
import { valueIn } from '../driver.contract.ts'
import { foreignSite } from './foreign-site.ts'
import { connect, POINTS, point, site } from './site.ts'

const LATER = 5000
const TYPES = Object.keys(RANGES) as (keyof typeof RANGES)[]
const MANY = new Map([...POINTS, ...TYPES.map(name => [name, point(`Type.${name}`)] as const)])
const WISHES = new Map([...TYPES, 'in'].map(name => [name, { every: 50, staleAfter: 20_000 }]))
const TOLD = 'told by the server, by subscription'

/** A server of ours that says and keeps a limit; what it answered, by the name of the answer. */
async function limited(most: number) {
  await using stack = new AsyncDisposableStack()
  const plant = stack.use(await site())
  plant.server.takeAtOnce(most)
  const answered: string[] = []
  plant.server.lie = answer => {
    answered.push(answer.schema.name)
    return undefined
  }
  const running = stack.move()
  return { ...plant, answered, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

for (const [most, reads, creations] of [
  // The two limits, then what it is in as many parts as it takes.
  [0, 2 + 1, 1],
  [1, 2 + 5, 12],
  [2, 2 + 3, 6],
  [5, 2 + 1, 3],
  [10_000, 2 + 1, 1],
] as const)
  test(`a server that says that it takes ${most || 'any number'} at once is never asked for more, and is asked for its limits once`, async () => {
    await using plant = await limited(most)
    await using driver = await connect(plant.endpoint, MANY)
    plant.answered.length = 0
    const watch = driver.watch(WISHES)
    assert.equal(await watch.describe(AbortSignal.timeout(LATER)), TOLD)
    const identity = await driver.identify(LATER)
    assert.deepEqual(identity.kind === 'identity' && [identity.facts.vendor, identity.facts.build], [
      'ACME',
      '34',
    ])
    const count = (name: string) => plant.answered.filter(each => each === name).length
    assert.equal(count('ServiceFault'), 0)
    assert.equal(count('ReadResponse'), reads)
    assert.equal(count('CreateMonitoredItemsResponse'), creations)
    assert.deepEqual(await driver.write('out', 3, LATER), { kind: 'accepted' })
    assert.deepEqual(await driver.write('move', 4, LATER), { kind: 'accepted' })
    assert.equal(valueIn(await driver.read('out', LATER)), 3)
    assert.deepEqual(plant.server.done, ['Out 3', 'Move 4'])
  })

for (const most of [1, 3])
  test(`open62541 with a limit of ${most}: it says what it is, tells of all points, is written, called and read`, async () => {
    await using plant = await foreignSite({ AT_ONCE: String(most) })
    await using driver = await connect(plant.endpoint, MANY)
    const watch = driver.watch(WISHES)
    assert.equal(await watch.describe(AbortSignal.timeout(LATER)), TOLD)
    const identity = await driver.identify(LATER)
    assert.match(
      identity.kind === 'identity' ? (identity.facts.product_name ?? '') : identity.reason,
      /open62541/,
    )
    assert.deepEqual(await driver.write('out', 3, LATER), { kind: 'accepted' })
    assert.equal((await plant.server.ask()).out, 3)
    assert.deepEqual(await driver.write('start', 1, LATER), { kind: 'accepted' })
    assert.deepEqual(await plant.server.ask(), { out: 100, in: 0, calls: 1 })
    assert.equal(valueIn(await driver.read('out', LATER)), 100)
  })

const said = (value: object, statusCode = StatusCodes.Good) =>
  new ReadResponse({ results: [new DataValue({ value, statusCode })] })

for (const [what, response] of [
  ['nothing of it', said({ dataType: DataType.Null }, StatusCodes.BadNodeIdUnknown)],
  ['a text', said({ dataType: DataType.String, value: '1' })],
  ['a fraction', said({ dataType: DataType.Double, value: 0.5 })],
  ['no value', said({})],
  ['what it calls bad', said({ dataType: DataType.UInt32, value: 1 }, StatusCodes.BadOutOfService)],
  ['more than it keeps', said({ dataType: DataType.UInt32, value: 4_000_000_000 })],
] as const)
  test(`a server that says ${what} where its limits should be, and takes two at once, is asked in parts once it says that it was too many`, async () => {
    await using plant = await site()
    plant.server.takeAtOnce(2)
    await using driver = await connect(plant.endpoint, MANY)
    let limits = 2
    plant.server.lie = (_answer, request) =>
      request === 'ReadRequest' && limits-- > 0 ? { response } : undefined
    assert.equal(await driver.watch(WISHES).describe(AbortSignal.timeout(LATER)), TOLD)
    const identity = await driver.identify(LATER)
    assert.equal(identity.kind === 'identity' && identity.facts.build, '34')
  })

test('a server that takes not even one node gets one clear reason', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  plant.server.lie = (_answer, request) =>
    request === 'ReadRequest'
      ? {
          response: new ReadResponse({ responseHeader: { serviceResult: StatusCodes.BadTooManyOperations } }),
        }
      : undefined
  assert.deepEqual(await driver.identify(LATER), {
    kind: 'failed',
    reason: 'the server says BadTooManyOperations',
  })
})
