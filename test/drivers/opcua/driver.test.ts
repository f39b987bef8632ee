import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { OpcUaEndpoint } from '../../../drivers/opcua/endpoint.ts'
import { RANGES } from '../../../drivers/opcua/point.ts'
import { TrustedServers } from '../../../drivers/opcua/trust.ts'
import { type DriverRig, describeDriver, valueIn } from '../driver.contract.ts'
import { applicationCertificate } from './server.ts'
import { connect, point, site } from './site.ts'

const LATER = 5000

async function rig(): Promise<DriverRig> {
  await using stack = new AsyncDisposableStack()
  const { server, gate, endpoint } = stack.use(await site())
  const driver = stack.use(await connect(endpoint))
  const connected = async (wanted: boolean) => {
    while ('session' in driver.link.connection !== wanted) await new Promise(resolve => setImmediate(resolve))
  }
  const running = stack.move()
  return {
    driver,
    holds: name => server.held.get(name === 'out' ? 'Out' : 'In') ?? 0,
    setInput: async value => void server.held.set('In', value),
    silence: async () => gate.mute(),
    reject: async () => {
      server.refusal = 'BadNotWritable'
    },
    unplug: async () => {
      await gate.shut()
      await connected(false)
    },
    heal: async () => {
      server.refusal = undefined
      await gate.open()
      await connected(true)
      while ((await driver.read('in', LATER)).kind !== 'value') await connected(true)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

describeDriver('OPC UA', rig)

test('every policy, every mode and every kind of user gets a session', async () => {
  await using plant = await site()
  const password = join(plant.folder, 'password')
  await writeFile(password, 'secret\n')
  const certificate = await applicationCertificate(plant.folder, 'olive')
  const users: OpcUaEndpoint['user'][] = [
    { kind: 'anonymous' },
    { kind: 'password', name: 'olive', passwordFile: password },
    { kind: 'certificate', ...certificate },
  ]
  for (const securityPolicy of ['Basic256Sha256', 'Aes256_Sha256_RsaPss'] as const) {
    for (const securityMode of ['Sign', 'SignAndEncrypt'] as const) {
      for (const user of securityMode === 'Sign' ? users.slice(0, 1) : users) {
        await using driver = await connect({ ...plant.endpoint, securityPolicy, securityMode, user })
        assert.equal(
          valueIn(await driver.read('out', LATER)),
          0,
          `${securityPolicy} ${securityMode} ${user.kind}`,
        )
        assert.equal(driver.link.facts.security, `${securityPolicy}, ${securityMode}`)
      }
    }
  }
})

test('a wrong password gets no session, and the reason does not hold it', async () => {
  await using plant = await site()
  const passwordFile = join(plant.folder, 'password')
  await writeFile(passwordFile, 'wrong-password')
  await using driver = await connect({
    ...plant.endpoint,
    user: { kind: 'password', name: 'olive', passwordFile },
  })
  const reading = String(valueIn(await driver.read('out', LATER)))
  assert.match(reading, /Bad|denied|rejected/i)
  assert.doesNotMatch(reading, /wrong-password/)
})

test('a server that nobody trusted is not talked to, says whose certificate it shows, and is talked to once it is trusted', async () => {
  await using plant = await site()
  const trusted = join(plant.folder, 'nobody')
  {
    await using driver = await connect({ ...plant.endpoint, trusted })
    const written = await driver.write('out', 1, LATER)
    assert.equal(written.kind, 'unreachable')
    assert.match('reason' in written ? written.reason : '', /not trusted: CN=server, SHA-256 [0-9a-f]{64}/)
  }
  const der = new X509Certificate(await readFile(join(plant.folder, 'server.pem'))).raw
  await new TrustedServers(trusted).trust(der)
  await using driver = await connect({ ...plant.endpoint, trusted })
  assert.deepEqual(await driver.write('out', 1, LATER), { kind: 'accepted' })
})

test('a trusted certificate that has ended, or has not begun, is refused with the day', async () => {
  await using plant = await site()
  const certificate = new X509Certificate(await readFile(join(plant.folder, 'server.pem')))
  const store = new TrustedServers(plant.endpoint.trusted)
  const day = 86_400_000
  assert.equal(await store.objection(certificate.raw, Date.now()), undefined)
  assert.match((await store.objection(certificate.raw, Date.now() + 3 * day)) ?? '', /ended on 20/)
  assert.match((await store.objection(certificate.raw, Date.now() - 3 * day)) ?? '', /begins on .*clock/)
})

test('a namespace is found by its URI, and one that is not there sends nothing', async () => {
  await using plant = await site()
  const strange = {
    ...point('Valve.Out', { dataType: 'Double' }),
    node: { namespace: 'urn:other-plant', identifier: 's=Valve.Out' },
  }
  await using driver = await connect(plant.endpoint, new Map([['out', strange]]))
  const written = await driver.write('out', 1, LATER)
  assert.equal(written.kind, 'unreachable')
  assert.match('reason' in written ? written.reason : '', /no namespace of nsu=urn:other-plant;s=Valve.Out/)
  assert.equal(plant.server.held.get('Out'), 0)
})

test('a method is called with the value, and its no is a no', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  assert.deepEqual(await driver.write('move', 42.5, LATER), { kind: 'accepted' })
  assert.equal(plant.server.held.get('Moved'), 42.5)
  plant.server.refusal = 'BadNotWritable'
  assert.equal((await driver.write('move', 7, LATER)).kind, 'rejected')
  assert.equal(plant.server.held.get('Moved'), 42.5)
})

test('a value that is not good is no value; what the server is not certain of is told in words', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  plant.server.held.set('In', 42.5)
  for (const [status, reason] of [
    ['UncertainLastUsableValue', 'the server says UncertainLastUsableValue, and shows 42.5'],
    ['BadSensorFailure', 'the server says BadSensorFailure'],
  ] as const) {
    plant.server.inStatus = status
    assert.deepEqual(await driver.read('in', LATER), { kind: 'failed', reason })
  }
  assert.equal(
    valueIn(await driver.read('elsewhere-on-the-server', LATER)),
    'the server says BadNodeIdUnknown',
  )
})

test('every type of number is written and read back', async () => {
  await using plant = await site()
  const types = Object.keys(RANGES) as (keyof typeof RANGES)[]
  const points = new Map(types.map(dataType => [dataType, point(`Type.${dataType}`, { dataType })]))
  await using driver = await connect(plant.endpoint, points)
  for (const type of types) {
    const [least, most] = RANGES[type]
    for (const value of [most, least, 1]) {
      if (type === 'Double' && Math.abs(value) === Number.MAX_VALUE) continue
      assert.deepEqual(await driver.write(type, value, LATER), { kind: 'accepted' }, `${type} ${value}`)
      assert.equal(valueIn(await driver.read(type, LATER)), value, type)
    }
  }
})

test('a server says what it is', async () => {
  await using plant = await site()
  await using driver = await connect(plant.endpoint)
  assert.deepEqual(await driver.identify(LATER), {
    kind: 'identity',
    facts: {
      vendor: 'ACME',
      product_name: 'Valve head',
      product_uri: 'urn:plant',
      revision: '1.2',
      build: '34',
      readings: 'told by the server, by subscription',
    },
  })
})
