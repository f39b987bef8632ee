import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { OpcUaEndpoint } from '../../../drivers/opcua/endpoint.ts'
import { RANGES } from '../../../drivers/opcua/point.ts'
import { type DriverRig, describeDriver, valueIn } from '../driver.contract.ts'
import { foreignSite } from './foreign-site.ts'
import { connect, POINTS, point } from './site.ts'

const LATER = 5000
const BAD_NOT_WRITABLE = '803b0000'

async function rig(): Promise<DriverRig> {
  await using stack = new AsyncDisposableStack()
  const { server, gate, endpoint } = stack.use(await foreignSite())
  const driver = stack.use(await connect(endpoint))
  const connected = async (wanted: boolean) => {
    while ('session' in driver.link.connection !== wanted) await new Promise(resolve => setImmediate(resolve))
  }
  const running = stack.move()
  return {
    driver,
    holds: async name => (await server.ask())[name],
    setInput: async value => void (await server.ask(`set In ${value}`)),
    silence: async () => gate.mute(),
    reject: async () => void (await server.ask(`refuse ${BAD_NOT_WRITABLE}`)),
    unplug: async () => {
      await gate.shut()
      await connected(false)
    },
    heal: async () => {
      await server.ask('refuse 0')
      await gate.open()
      await connected(true)
      while ((await driver.read('in', LATER)).kind !== 'value') await connected(true)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

describeDriver('OPC UA with open62541', rig)

test('open62541: every policy, every mode and every kind of user gets a session', async () => {
  await using plant = await foreignSite()
  const passwordFile = join(plant.folder, 'password')
  await writeFile(passwordFile, 'secret')
  const users: OpcUaEndpoint['user'][] = [
    { kind: 'anonymous' },
    { kind: 'password', name: 'olive', passwordFile },
    { kind: 'certificate', ...plant.olive },
  ]
  for (const securityPolicy of ['Basic256Sha256', 'Aes256_Sha256_RsaPss'] as const) {
    for (const securityMode of ['Sign', 'SignAndEncrypt'] as const) {
      for (const user of users) {
        await using driver = await connect({ ...plant.endpoint, securityPolicy, securityMode, user })
        assert.equal(
          valueIn(await driver.read('out', LATER)),
          0,
          `${securityPolicy} ${securityMode} ${user.kind}`,
        )
      }
    }
  }
})

test('open62541: every type of number is written and read back', async () => {
  await using plant = await foreignSite()
  const types = Object.keys(RANGES) as (keyof typeof RANGES)[]
  const points = new Map(types.map(dataType => [dataType, point(`Type.${dataType}`, { dataType })]))
  await using driver = await connect(plant.endpoint, points)
  for (const type of types) {
    const [least, most] = RANGES[type]
    for (const value of [most, least, 1]) {
      assert.deepEqual(await driver.write(type, value, LATER), { kind: 'accepted' }, `${type} ${value}`)
      assert.equal(valueIn(await driver.read(type, LATER)), value, type)
    }
  }
})

test('open62541: methods with and without an argument move the valve, and their result is looked at', async () => {
  await using plant = await foreignSite()
  const call = {
    method: point('Valve.Move').node,
    arguments: ['setpoint'] as const,
    result: { output: 0, value: 0 },
  }
  const points = new Map([
    ...POINTS,
    ['move', point('Valve', { call, dataType: 'Double' })] as const,
    ['short', point('Valve', { call: { method: new Map([[1, call.method]]), arguments: [] } })] as const,
  ])
  await using driver = await connect(plant.endpoint, points)
  assert.deepEqual(await driver.write('start', 1, LATER), { kind: 'accepted' })
  assert.deepEqual(await plant.server.ask(), { out: 100, in: 0, calls: 1 })
  assert.deepEqual(await driver.write('start', 0, LATER), { kind: 'accepted' })
  assert.deepEqual(await plant.server.ask(), { out: 0, in: 0, calls: 2 })
  assert.deepEqual(await driver.write('move', 42.5, LATER), { kind: 'accepted' })
  assert.deepEqual(await plant.server.ask(), { out: 42.5, in: 0, calls: 3 })
  const beyond = await driver.write('move', 142.5, LATER)
  assert.match('reason' in beyond ? beyond.reason : '', /gave 7 as output 0/)
  assert.equal((await driver.write('short', 1, LATER)).kind, 'rejected')
  assert.equal((await plant.server.ask()).out, 42.5)
})

test('open62541: out of range, another type and bad quality are told for what they are', async () => {
  await using plant = await foreignSite()
  const points = new Map([...POINTS, ['whole', point('Valve.Out', { dataType: 'Int32' })] as const])
  await using driver = await connect(plant.endpoint, points)
  const told = async (name: string, value: number) => {
    const written = await driver.write(name, value, LATER)
    return `${written.kind}: ${'reason' in written ? written.reason : ''}`
  }
  assert.equal(await told('out', 101), 'rejected: the server says BadOutOfRange')
  assert.equal(await told('whole', 1), 'rejected: the server says BadTypeMismatch')
  await plant.server.ask('status In 80310000')
  assert.equal(valueIn(await driver.read('in', LATER)), 'the server says BadNoCommunication')
  await plant.server.ask('set In 42.5')
  await plant.server.ask('status In 40900000')
  assert.equal(
    valueIn(await driver.read('in', LATER)),
    'the server says UncertainLastUsableValue, and shows 42.5',
  )
  assert.equal(
    valueIn(await driver.read('elsewhere-on-the-server', LATER)),
    'the server says BadNodeIdUnknown',
  )
})

test('open62541: what it is', async () => {
  await using plant = await foreignSite()
  await using driver = await connect(plant.endpoint)
  const identity = await driver.identify(LATER)
  assert.ok(identity.kind === 'identity')
  assert.match(identity.facts.product_name ?? '', /open62541/)
  assert.match(identity.facts.revision ?? '', /^1\.4/)
  assert.equal(identity.facts.readings, 'told by the server, by subscription')
})

test('open62541: a server that dies in the middle of a write leaves it unknown', async () => {
  await using plant = await foreignSite()
  await using driver = await connect(plant.endpoint)
  plant.server.pause()
  const writing = driver.write('out', 1, LATER)
  await plant.server[Symbol.asyncDispose]()
  const written = await writing
  assert.equal(written.kind, 'unknown', JSON.stringify(written))
  assert.equal((await driver.write('out', 1, LATER)).kind, 'unreachable')
})

test("open62541: an answer that comes after its deadline is nobody's: what is asked next gets its own", async () => {
  await using plant = await foreignSite()
  await using driver = await connect(plant.endpoint)
  plant.server.pause()
  const late = await driver.write('out', 7, 100)
  assert.equal(late.kind, 'unknown', JSON.stringify(late))
  plant.server.resume()
  await plant.server.ask('set In 33')
  let reading = await driver.read('in', LATER)
  while (reading.kind === 'failed') {
    await new Promise(resolve => setImmediate(resolve))
    reading = await driver.read('in', LATER)
  }
  assert.equal(reading.value, 33)
  const { out } = await plant.server.ask()
  assert.ok(out === 0 || out === 7)
  assert.equal(valueIn(await driver.read('out', LATER)), out)
})
