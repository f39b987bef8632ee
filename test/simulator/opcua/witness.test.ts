import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { NAMESPACE, startOpcUaPlant } from './opcua-plant.ts'
import { node, OpcUaWitness, type Shown } from './witness.ts'

const GOOD = '00000000'

describe('a client that shares no code with the server', () => {
  it('finds the endpoints that were asked for, with the certificate that the plant says it has', async () => {
    await using site = await startOpcUaPlant({ security_modes: ['SignAndEncrypt'] })
    await using witness = new OpcUaWitness(site, 'none')
    const found = (await witness.ask({ do: 'endpoints' })) as {
      url: string
      mode: number
      policy: string
      sha256: string
      users: [string, number][]
    }[]
    assert.deepEqual(
      found.map(({ url, mode, policy }) => [url, mode, policy.split('#')[1]]),
      [
        [site.url, 3, 'Basic256Sha256'],
        [site.url, 3, 'Aes256_Sha256_RsaPss'],
      ],
    )
    const sha256 = createHash('sha256')
      .update(site.plant.opcua?.certificate ?? '')
      .digest('hex')
    // 0 would be an anonymous user, 1 is a password, 2 a certificate.
    for (const one of found) {
      assert.equal(one.sha256, sha256)
      assert.deepEqual(one.users.map(([, kind]) => kind).sort(), [1, 2])
    }
  })

  it('reads values with their times, writes them into the one image, and calls: over an encrypted channel', async () => {
    await using site = await startOpcUaPlant()
    await using witness = new OpcUaWitness(site, 'sign-and-encrypt')
    const { namespaces } = (await witness.ask({ do: 'open', user: ['olive', 'secret'] })) as {
      namespaces: string[]
    }
    assert.equal(namespaces[2], NAMESPACE)
    await site.clock.advance(1000)
    const [level, temperature, closed, counter, output] = await witness.read(
      'tank.level',
      'cooling-loop.temperature',
      'inlet-valve.closed',
      'holding-register.0',
      'coil.2',
    )
    // 1.2 m less what the consumers drew in a second, in the millimetres of its register.
    assert.deepEqual(
      [level, closed, counter, output].map(shown => [shown?.value, shown?.status]),
      [1.199, true, 7, true].map(value => [value, GOOD]),
    )
    assert.ok(Number(temperature?.value) > 32, 'it warms up without its pump')
    // Inputs are of the scan at 1 s of the plant's clock, memory is of the start.
    const start = Date.UTC(2026, 0, 1)
    assert.deepEqual([level?.source, counter?.source], [start + 1000, start])

    assert.equal(await witness.write('drain-valve.command', 'Double', 0.25), GOOD)
    assert.equal(site.plant.image.holdingRegister(10), 250)
    assert.equal(site.plant.valve('drain-valve').position, 0)
    await site.clock.advance(2000)
    assert.equal(site.plant.valve('drain-valve').position, 0.25)
    assert.equal(await witness.call('drain-valve', 'drain-valve.move', 0.5), GOOD)
    assert.equal(site.plant.image.holdingRegister(10), 500)
    assert.equal(await witness.write('inlet-valve.command', 'Boolean', true), GOOD)
    assert.equal(site.plant.image.coil(0), 1)
    site.plant.plc('plc').answerWrite('holding-register', 0, 99)
    assert.equal((await witness.read('holding-register.0'))[0]?.value, 99)
  })

  it('is refused what does not fit, and nothing lands', async () => {
    await using site = await startOpcUaPlant()
    await using witness = await OpcUaWitness.open(site, 'sign-and-encrypt')
    const refused = [
      [await witness.write('tank.level', 'Double', 1), '803B0000'], // BadNotWritable
      [await witness.write('drain-valve.command', 'Double', 66), '803C0000'], // BadOutOfRange
      [await witness.write('drain-valve.command', 'Boolean', true), '80740000'], // BadTypeMismatch
      [await witness.write('nothing.there', 'Double', 1), '80340000'], // BadNodeIdUnknown
      [await witness.call('drain-valve', 'drain-valve.move', -1), '803C0000'],
    ]
    for (const [status, expected] of refused) assert.equal(status, expected)
    assert.equal(site.plant.image.holdingRegister(10), 0)
  })

  it('is told the unit and the ranges of a measurement', async () => {
    await using site = await startOpcUaPlant()
    await using witness = await OpcUaWitness.open(site, 'sign-and-encrypt')
    const level = (await witness.ask({ do: 'properties', node: node('tank.level') })) as Record<
      string,
      string
    >
    const range = (hex = '') => [0, 8].map(at => Buffer.from(hex, 'hex').readDoubleLE(at))
    assert.deepEqual(range(level.EURange), [0, 3])
    assert.deepEqual(range(level.InstrumentRange), [0, 65.535])
    const unit = Buffer.from(level.EngineeringUnits ?? '', 'hex')
    const uri = unit.readInt32LE(0)
    // MTR, metre: as bytes of a number (OPC 10000-8 §5.6.3).
    assert.equal(unit.readInt32LE(4 + uri), 0x4d5452)
  })

  it('hears by subscription of a change, of a sensor that fails and of one that is well again', async () => {
    await using site = await startOpcUaPlant()
    await using witness = await OpcUaWitness.open(site, 'sign-and-encrypt')
    assert.equal(await witness.ask({ do: 'watch', node: node('inlet-valve.position') }), GOOD)
    const next = async () => (await witness.ask({ do: 'next' })) as Shown[]
    const seen = async (wanted: (shown: Shown) => boolean) => {
      for (;;) {
        const found = (await next()).find(wanted)
        if (found) return found
      }
    }
    assert.equal((await next())[0]?.value, 0)
    await witness.write('inlet-valve.command', 'Boolean', true)
    await site.clock.advance(1000)
    await seen(({ value, status }) => value === 1 && status === GOOD)
    await site.plant.faults.set({ kind: 'sensor-failed', signal: 'inlet-valve.position' })
    await site.clock.advance(1000)
    const failed = await seen(({ status }) => status !== GOOD)
    assert.equal(failed.status, '808C0000') // BadSensorFailure
    assert.equal(failed.value, null)
    assert.equal(failed.source, Date.UTC(2026, 0, 1) + 1000)
    await site.plant.faults.clear()
    await site.clock.advance(10)
    await seen(({ value, status }) => value === 1 && status === GOOD)
  })

  it('gets in without security and without a user where the plant file asks for it, and else does not', async () => {
    await using open = await startOpcUaPlant({ security_policies: ['None'], anonymous: true })
    await using witness = await OpcUaWitness.open(open, 'none')
    assert.equal((await witness.read('tank.level'))[0]?.status, GOOD)
    await using closed = await startOpcUaPlant()
    await using stranger = new OpcUaWitness(closed, 'none')
    await assert.rejects(stranger.ask({ do: 'open', user: null }))
    await using wrong = new OpcUaWitness(closed, 'sign-and-encrypt')
    // BadUserAccessDenied
    await assert.rejects(wrong.ask({ do: 'open', user: ['olive', 'wrong'] }), /801F0000/)
  })
})
