import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { describe, it } from 'node:test'
import { frame, RawClient } from './modbus/raw-client.ts'
import { connect, startRig } from './water-plant.ts'

const READ = frame(1, '03 0000 0001')
const READ_ANSWER = frame(1, '03 02 0007')
const WRITE = frame(2, '06 0000 0005')

describe('a fault in the field', () => {
  it('stuck: the actuator stays where it is, feedback is true, and it moves again once cleared', async () => {
    await using rig = await startRig()
    await rig.client.writeCoils(0, [true, true])
    await rig.clock.advance(10 + 90)
    await rig.plant.faults.set({ kind: 'stuck', element: 'inlet-valve' })
    await rig.plant.faults.set({ kind: 'stuck', element: 'coolant-pump' })
    await rig.clock.advance(5000)
    assert.equal(rig.plant.image.inputRegister(0), 300)
    assert.equal(rig.plant.image.discreteInput(0), 0)
    await rig.plant.faults.clear('stuck')
    await rig.clock.advance(300)
    assert.equal(rig.plant.image.inputRegister(0), 1000)
    assert.equal(rig.plant.image.discreteInput(0), 1)
  })

  it('reversed: told to close, the valve opens', async () => {
    await using rig = await startRig([{ kind: 'reversed', element: 'inlet-valve' }])
    await rig.clock.advance(310)
    assert.equal(rig.plant.image.inputRegister(0), 1000)
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(310)
    assert.equal(rig.plant.image.inputRegister(0), 0)
  })

  it('slow: the stroke takes so many times its time', async () => {
    await using rig = await startRig([{ kind: 'slow', element: 'inlet-valve', factor: 10 }])
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(10 + 1500)
    assert.equal(rig.plant.image.inputRegister(0), 500)
  })

  it('feedback-frozen: the sensor shows what it showed, and the truth once cleared', async () => {
    await using rig = await startRig()
    await rig.plant.faults.set({ kind: 'feedback-frozen', signal: 'inlet-valve.position' })
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(1000)
    assert.equal(rig.plant.image.inputRegister(0), 0)
    assert.equal(rig.plant.truth('inlet-valve.position'), 1)
    await rig.plant.faults.clear()
    await rig.clock.advance(10)
    assert.equal(rig.plant.image.inputRegister(0), 1000)
  })

  it('feedback-lies: the sensor shows the value it was given, whatever is true', async () => {
    await using rig = await startRig([{ kind: 'feedback-lies', signal: 'coolant-pump.running', value: 1 }])
    await rig.clock.advance(10)
    assert.equal(rig.plant.image.discreteInput(0), 1)
    assert.equal(rig.plant.truth('coolant-pump.running'), 0)
  })
})

describe('a sensor that drifts', () => {
  it('is wrong by more and more, and right again once cleared', async () => {
    await using rig = await startRig([{ kind: 'drift', signal: 'inlet-valve.position', per_second: 0.02 }])
    await rig.clock.advance(10_000)
    assert.equal(rig.plant.image.inputRegister(0), 200)
    assert.equal(rig.plant.truth('inlet-valve.position'), 0)
    await rig.clock.advance(5_000)
    assert.equal(rig.plant.image.inputRegister(0), 300)
    await rig.plant.faults.clear('drift')
    await rig.clock.advance(10)
    assert.equal(rig.plant.image.inputRegister(0), 0)
    await rig.plant.faults.set({ kind: 'drift', signal: 'inlet-valve.position', per_second: 0.02 })
    await rig.clock.advance(5_000)
    assert.equal(rig.plant.image.inputRegister(0), 100)
  })
})

describe('a fault on the wire', () => {
  it('write-ignored: the echo is right, nothing lands, other cells are written', async () => {
    await using rig = await startRig([{ kind: 'write-ignored', table: 'coil', address: 0 }])
    const landed: string[] = []
    rig.plant.onWrite(({ table, address }) => landed.push(`${table} ${address}`))
    assert.deepEqual(await rig.client.writeCoil(0, true), { address: 0, state: true })
    await rig.client.writeCoils(0, [true, true])
    await rig.client.writeRegister(0, 3)
    assert.deepEqual(landed, ['coil 1', 'holding-register 0'])
    assert.equal((await rig.client.readCoils(0, 1)).data[0], false)
    await rig.plant.faults.set({ kind: 'write-ignored' })
    await rig.client.writeRegister(0, 4)
    assert.equal(rig.plant.image.holdingRegister(0), 3)
  })

  it('latency: the write lands at once, its answer comes as much later, and in order', async () => {
    await using rig = await startRig([{ kind: 'latency', ms: 200, on: 'writes' }])
    using raw = await RawClient.connect(rig.plant)
    const landed = new Promise(resolve => rig.plant.onWrite(resolve))
    // The read behind the write is not late itself, and must not overtake.
    raw.send(WRITE + READ)
    await landed
    let answeredAt = Number.NaN
    const answered = raw.receive(12 + 11).then(bytes => {
      answeredAt = rig.clock.monotonic()
      return bytes
    })
    await rig.clock.advance(190)
    assert.equal(raw.received, '')
    await rig.clock.advance(10)
    assert.equal(await answered, WRITE + frame(1, '03 02 0005'))
    assert.equal(answeredAt, 200)
  })

  it('latency: requests on one connection are late side by side, not one after the other', async () => {
    await using rig = await startRig([{ kind: 'latency', ms: 100 }])
    const answers = Promise.all([rig.client.readCoils(0, 1), rig.client.readCoils(1, 1)])
    const arrived = new Promise(resolve => rig.plant.onWrite(resolve))
    void rig.client.writeRegister(0, 1).catch(() => {})
    await arrived
    await rig.clock.advance(100)
    await answers
    assert.equal(rig.clock.monotonic(), 100)
  })

  it('latency with jitter: each answer is late by another time, within bounds, the same for the same seed', async () => {
    const run = async (seed: number) => {
      await using rig = await startRig([{ kind: 'latency', ms: 100, jitter_ms: 50 }], { seed })
      const late: number[] = []
      for (let i = 0; i < 10; i++) {
        const start = rig.clock.monotonic()
        const landed = new Promise(resolve => rig.plant.onWrite(resolve))
        const answered = rig.client.writeRegister(0, i).then(() => late.push(rig.clock.monotonic() - start))
        await landed
        for (let ms = 0; ms < 151; ms++) await rig.clock.advance(1)
        await answered
      }
      return late
    }
    const late = await run(1)
    assert.ok(
      late.every(ms => ms >= 100 && ms <= 151),
      `${late}`,
    )
    assert.ok(new Set(late.map(Math.floor)).size > 4, `${late}`)
    assert.notDeepEqual(late, await run(2))
  })

  it('half-open: an open connection hangs without an end, a new one is served, and clearing resets the dead one', async () => {
    await using rig = await startRig()
    using dead = await RawClient.connect(rig.plant)
    dead.send(READ)
    await dead.receive(11)
    await rig.plant.faults.set({ kind: 'half-open' })
    dead.send(WRITE + READ)
    using alive = await RawClient.connect(rig.plant)
    for (let i = 1; i <= 20; i++) {
      alive.send(READ)
      assert.equal(await alive.receive(11 * i), READ_ANSWER.repeat(i))
    }
    assert.equal(dead.received, READ_ANSWER)
    assert.equal(rig.plant.image.holdingRegister(0), 7)
    await rig.plant.faults.clear('half-open')
    assert.equal(await dead.failure, 'ECONNRESET')
    alive.send(READ)
    await alive.receive(11 * 21)
  })

  it('second-master: another master writes its value again and again, over what the first one wrote', async () => {
    await using rig = await startRig()
    const writes: [number, number, boolean][] = []
    rig.plant.onWrite(({ value, monotonicMs, secondMaster }) =>
      writes.push([monotonicMs, value, secondMaster === true]),
    )
    const fault = { table: 'holding-register', address: 0, value: 99, every_ms: 100 } as const
    await rig.plant.faults.set({ kind: 'second-master', ...fault })
    await rig.clock.advance(50)
    await rig.client.writeRegister(0, 5)
    assert.equal(rig.plant.image.holdingRegister(0), 5)
    await rig.clock.advance(100)
    assert.deepEqual((await rig.client.readHoldingRegisters(0, 1)).data, [99])
    await rig.plant.faults.clear('second-master')
    await rig.clock.advance(500)
    assert.deepEqual(writes, [
      [10, 99, true],
      [50, 5, false],
      [110, 99, true],
    ])
  })

  it('exception: the code is answered and nothing is done', async () => {
    await using rig = await startRig([{ kind: 'exception', code: 6, on: 'writes' }])
    await assert.rejects(rig.client.writeRegister(0, 9), { modbusCode: 6 })
    assert.deepEqual((await rig.client.readHoldingRegisters(0, 1)).data, [7])
  })

  it('silent: nothing is ever answered, and the write is done or lost as the fault says', async () => {
    for (const [effect, value] of [
      ['done', 5],
      ['lost', 7],
    ] as const) {
      await using rig = await startRig([{ kind: 'silent', effect, on: 'writes' }])
      using raw = await RawClient.connect(rig.plant)
      // Answers keep their order, so an answer to the write would have come before the one to the read.
      raw.send(WRITE + READ)
      assert.equal(await raw.receive(11), frame(1, `03 02 000${value}`))
      await rig.plant.faults.clear('silent')
      raw.send(READ)
      assert.equal(await raw.receive(22), frame(1, `03 02 000${value}`).repeat(2))
    }
  })

  it('dropped-link: connections close, new ones are refused, and the same port serves again once cleared', async () => {
    await using rig = await startRig()
    using raw = await RawClient.connect(rig.plant)
    await rig.plant.faults.set({ kind: 'dropped-link' })
    await raw.closed
    const refused = connectSocket(rig.plant.address)
    const [error] = await once(refused, 'error').catch(reason => [reason])
    assert.equal(error.code, 'ECONNREFUSED')
    await rig.plant.faults.clear('dropped-link')
    using again = await RawClient.connect(rig.plant)
    again.send(READ)
    assert.equal(await again.receive(11), READ_ANSWER)
  })

  it('dropped-link while a write lands: the write is done and its answer never comes', async () => {
    await using rig = await startRig()
    using raw = await RawClient.connect(rig.plant)
    rig.plant.onWrite(() => void rig.plant.faults.set({ kind: 'dropped-link' }))
    raw.send(WRITE)
    await raw.closed
    assert.equal(raw.received, '')
    assert.equal(rig.plant.image.holdingRegister(0), 5)
  })

  it('the plant moves on while its link is down', async () => {
    await using rig = await startRig()
    await rig.client.writeCoil(0, true)
    await rig.plant.faults.set({ kind: 'dropped-link' })
    await rig.clock.advance(310)
    await rig.plant.faults.clear()
    const client = await connect(rig.plant)
    assert.deepEqual((await client.readInputRegisters(0, 1)).data, [1000])
    client.destroy(() => {})
  })

  it('stopping a plant with a dropped link or a late answer leaves nothing running', async () => {
    const rig = await startRig([{ kind: 'latency', ms: 1_000_000 }])
    using raw = await RawClient.connect(rig.plant)
    const landed = new Promise(resolve => rig.plant.onWrite(resolve))
    raw.send(WRITE)
    await landed
    await rig.plant.faults.set({ kind: 'dropped-link' })
    await rig[Symbol.asyncDispose]()
    await rig.plant.faults.clear()
    const refused = connectSocket(rig.plant.address)
    const [error] = await once(refused, 'error').catch(reason => [reason])
    assert.equal(error.code, 'ECONNREFUSED')
  })
})

describe('the faults of a plant', () => {
  it('can only aim at what the plant has', async () => {
    await using rig = await startRig()
    const { faults } = rig.plant
    await assert.rejects(
      faults.set({ kind: 'stuck', element: 'tank' }),
      /no valve or pump is called tank; there is/,
    )
    await assert.rejects(faults.set({ kind: 'feedback-frozen', signal: 'tank.depth' }), RangeError)
    assert.deepEqual(faults.active, [])
  })

  it('replace one another on the same target and stand side by side on others', async () => {
    await using rig = await startRig()
    const { faults } = rig.plant
    await faults.set({ kind: 'slow', element: 'inlet-valve', factor: 2 })
    await faults.set({ kind: 'slow', element: 'inlet-valve', factor: 3 })
    await faults.set({ kind: 'slow', element: 'drain-valve', factor: 4 })
    await faults.set({ kind: 'latency', ms: 1 })
    assert.deepEqual(
      faults.of('slow').map(({ factor }) => factor),
      [3, 4],
    )
    await faults.clear('slow')
    assert.deepEqual(faults.active, [{ kind: 'latency', ms: 1 }])
  })
})
