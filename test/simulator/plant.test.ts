import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { startPlant, type WriteEvent } from '../../simulator/plant.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { connect, startRig, WATER_PLANT } from './water-plant.ts'

const EXAMPLE = new URL('../../examples/water-treatment/plant.yaml', import.meta.url).pathname

describe('a plant', () => {
  it('starts as its file says, with its inputs already read', async () => {
    await using rig = await startRig()
    assert.deepEqual((await rig.client.readCoils(0, 3)).data.slice(0, 3), [false, false, true])
    assert.deepEqual((await rig.client.readDiscreteInputs(0, 2)).data.slice(0, 2), [false, true])
    assert.deepEqual((await rig.client.readHoldingRegisters(0, 2)).data, [7, 0])
    assert.deepEqual((await rig.client.readInputRegisters(0, 4)).data, [0, 1200, 320, 0])
  })

  it('takes a write into its image at once and acts on it from the next scan on', async () => {
    await using rig = await startRig()
    await rig.clock.advance(5)
    await rig.client.writeCoil(0, true)
    assert.equal(rig.plant.image.coil(0), 1)
    await rig.clock.advance(5)
    assert.equal(rig.plant.truth('inlet-valve.position'), 0)
    await rig.clock.advance(10)
    assert.ok(rig.plant.truth('inlet-valve.position') > 0)
  })

  it('opens its valve in the stroke time and shows the position on the way', async () => {
    await using rig = await startRig()
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(10 + 150)
    assert.deepEqual((await rig.client.readInputRegisters(0, 1)).data, [500])
    await rig.clock.advance(150)
    assert.deepEqual((await rig.client.readInputRegisters(0, 1)).data, [1000])
    assert.equal(rig.plant.image.discreteInput(1), 0)
  })

  it('positions a valve from a scaled holding register', async () => {
    await using rig = await startRig()
    await rig.client.writeRegister(10, 250)
    await rig.clock.advance(2000)
    assert.equal(rig.plant.image.inputRegister(3), 250)
    await rig.client.writeRegister(10, 60_000)
    await rig.clock.advance(2000)
    assert.equal(rig.plant.image.inputRegister(3), 1000)
  })

  it('warms up without its pump and cools down with it', async () => {
    await using rig = await startRig()
    await rig.clock.advance(60_000)
    const hot = rig.plant.image.inputRegister(2)
    assert.ok(hot > 380, `${hot}`)
    await rig.client.writeCoil(1, true)
    await rig.clock.advance(60_000)
    assert.equal(rig.plant.image.discreteInput(0), 1)
    assert.ok(rig.plant.image.inputRegister(2) < hot)
  })

  it('fills its tank with the valve open and empties it with the valve closed', async () => {
    await using rig = await startRig()
    await rig.clock.advance(10_000)
    const low = rig.plant.image.inputRegister(1)
    assert.ok(low < 1200)
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(10_000)
    assert.ok(rig.plant.image.inputRegister(1) > low)
  })

  it('does in virtual time exactly what it did last time', async () => {
    const run = async () => {
      await using rig = await startRig()
      await rig.clock.advance(1234)
      await rig.client.writeCoil(0, true)
      await rig.clock.advance(12_345)
      return ['inlet-valve.position', 'tank.level', 'cooling-loop.temperature'].map(signal =>
        rig.plant.truth(signal),
      )
    }
    assert.deepEqual(await run(), await run())
  })

  it('tells of each value of a write as it lands, with its time', async () => {
    await using rig = await startRig()
    const events: WriteEvent[] = []
    const stop = rig.plant.onWrite(event => events.push(event))
    await rig.clock.advance(42)
    await rig.client.writeCoil(1, true)
    await rig.client.writeRegisters(0, [5, 6])
    stop()
    await rig.client.writeCoil(1, false)
    assert.deepEqual(events, [
      { table: 'coil', address: 1, value: 1, monotonicMs: 42 },
      { table: 'holding-register', address: 0, value: 5, monotonicMs: 42 },
      { table: 'holding-register', address: 1, value: 6, monotonicMs: 42 },
    ])
  })

  it('serves several clients at once, who see each other’s writes', async () => {
    await using rig = await startRig()
    const other = await connect(rig.plant)
    await other.writeRegister(0, 99)
    assert.deepEqual((await rig.client.readHoldingRegisters(0, 1)).data, [99])
    other.destroy(() => {})
  })

  it('stops in full: the port is free, the connections are closed, no scan follows', async () => {
    const rig = await startRig()
    const { address } = rig.plant
    let scans = 0
    rig.plant.onScan(() => scans++)
    const closed = new Promise<void>(resolve => rig.client.on('close', () => resolve()))
    await rig.plant[Symbol.asyncDispose]()
    await closed
    await rig.clock.advance(100)
    assert.equal(scans, 0)
    await using again = await startPlant(
      { plant: WATER_PLANT },
      { clock: new VirtualClock(), port: address.port },
    )
    assert.equal(again.address.port, address.port)
  })

  it('says so when its port is taken, and leaves nothing behind', async () => {
    const squatter = createServer()
    await new Promise<void>(resolve => squatter.listen({ host: '127.0.0.1', port: 0 }, resolve))
    const taken = squatter.address()
    const port = taken !== null && typeof taken === 'object' ? taken.port : 0
    await assert.rejects(startPlant({ plant: WATER_PLANT }, { clock: new VirtualClock(), port }), {
      code: 'EADDRINUSE',
    })
    await new Promise(resolve => squatter.close(resolve))
  })

  it('is the documented plant when it is the example', async () => {
    const clock = new VirtualClock()
    await using plant = await startPlant({ file: EXAMPLE }, { clock, port: 0 })
    const { host, port, unit } = plant.spec.plc.modbus
    assert.deepEqual(
      { host, port, unit, cycle: plant.spec.plc.scan_cycle },
      {
        host: '127.0.0.1',
        port: 15020,
        unit: 1,
        cycle: 10,
      },
    )
    const client = await connect(plant)
    await client.writeCoils(0, [true, true])
    await clock.advance(310)
    const { image } = plant
    assert.deepEqual([image.coil(0), image.coil(1), image.discreteInput(0)], [1, 1, 1])
    assert.equal(image.inputRegister(0), 1000)
    assert.ok(Math.abs(image.inputRegister(1) - 1200) <= 1 && Math.abs(image.inputRegister(2) - 320) <= 1)
    assert.throws(() => image.holdingRegister(0), RangeError)
    client.destroy(() => {})
  })
})
