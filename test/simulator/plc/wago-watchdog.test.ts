import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { frame, RawClient } from '../modbus/raw-client.ts'
import { commandsOf, type GuardedRig, startGuarded } from './coupler-rig.ts'

const COUPLER = { kind: 'wago' } as const
const FAILURE = { modbusCode: 4 }

const read = async ({ client }: GuardedRig, register: number) =>
  (await client.readHoldingRegisters(register, 1)).data[0]

/** Two seconds, started. */
async function arm({ client }: GuardedRig, mask = 0): Promise<void> {
  await client.writeRegister(0x1000, 20)
  await client.writeRegister(0x1001, mask)
  await client.writeRegister(0x1003, 1)
}

describe('a watchdog like that of a WAGO coupler', () => {
  it('is off at power-up, with its manual’s defaults', async () => {
    await using rig = await startGuarded(COUPLER)
    const defaults = []
    for (let register = 0x1000; register <= 0x1008; register++) defaults.push(await read(rig, register))
    assert.deepEqual(defaults, [100, 0, 0, 0, 0xffff, 0, 0, 1, 0])
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(60_000)
    assert.equal(rig.plant.image.coil(0), 1)
  })

  it('is started by a first value in 0x1003 and fed by each change of it', async () => {
    await using rig = await startGuarded(COUPLER)
    await arm(rig)
    assert.equal(await read(rig, 0x1006), 1)
    for (let count = 2; count < 6; count++) {
      await rig.clock.advance(1500)
      await rig.client.writeRegister(0x1003, count)
    }
    assert.equal(rig.plant.watchdog, 'running')
    assert.equal(await read(rig, 0x1004), 5)
    await rig.clock.advance(1000)
    // The same value again is no change.
    await rig.client.writeRegister(0x1003, 5)
    await rig.clock.advance(1020)
    assert.equal(rig.plant.watchdog, 'expired')
  })

  it('is fed by the functions of its mask, and by no other', async () => {
    await using rig = await startGuarded(COUPLER)
    // Function 4 is bit 3.
    await arm(rig, 0b1000)
    for (let i = 0; i < 4; i++) {
      await rig.clock.advance(1500)
      await rig.client.readInputRegisters(0, 1)
    }
    assert.equal(rig.plant.watchdog, 'running')
    await rig.clock.advance(1500)
    await rig.client.readCoils(0, 1)
    await rig.clock.advance(520)
    assert.equal(rig.plant.watchdog, 'expired')
  })

  it('counts functions 22 and 23 in the second half of its mask', async () => {
    await using rig = await startGuarded(COUPLER)
    using raw = await RawClient.connect(rig.plant)
    // Function 22 is bit 5 of 0x1002, function 23 bit 6.
    await rig.client.writeRegister(0x1002, 0b110_0000)
    await arm(rig)
    let answered = 0
    for (const pdu of ['16 0000 ffff 0000', '17 0000 0001 0001 0001 02 0001', '16 0000 ffff 0000']) {
      await rig.clock.advance(1500)
      raw.send(frame(1, pdu))
      answered += pdu.startsWith('16') ? 14 : 11
      await raw.receive(answered)
    }
    assert.equal(rig.plant.watchdog, 'running')
    await rig.clock.advance(1500)
    // Who asks what it is feeds nothing, and is answered when it has expired too.
    raw.send(frame(1, '2b 0e 04 02'))
    await raw.receive(answered + 17)
    await rig.clock.advance(520)
    assert.equal(rig.plant.watchdog, 'expired')
    raw.send(frame(1, '16 0000 ffff 0000') + frame(2, '2b 0e 04 02'))
    const said = (await raw.receive(answered + 17 + 9 + 17)).slice(2 * (answered + 17))
    assert.equal(said, frame(1, '9604') + frame(2, '2b 0e 04 82 00 00 01 02 01 31'))
  })

  it('once expired has forced the fallback and answers all but its own registers with 4, until stopped', async () => {
    const stops: [string, (rig: GuardedRig) => Promise<unknown>][] = [
      ['0x1008', ({ client }) => client.writeRegister(0x1008, 0x55aa)],
      [
        '0x1005',
        async ({ client }) => {
          await client.writeRegister(0x1005, 0xaaaa)
          await client.writeRegister(0x1005, 0x5555)
        },
      ],
    ]
    for (const [name, stop] of stops) {
      await using rig = await startGuarded(COUPLER)
      await rig.client.writeCoil(0, true)
      await arm(rig)
      await rig.clock.advance(2020)
      assert.deepEqual(commandsOf(rig), [0, 1, 250])
      await assert.rejects(rig.client.readCoils(0, 1), FAILURE)
      await assert.rejects(rig.client.writeCoil(0, true), FAILURE)
      assert.deepEqual([await read(rig, 0x1004), await read(rig, 0x1006)], [0, 2], name)
      await rig.client.writeRegister(0x1003, 99)
      await rig.clock.advance(10)
      assert.equal(rig.plant.watchdog, 'expired')
      await stop(rig)
      await rig.client.writeCoil(0, true)
      await rig.clock.advance(10_000)
      assert.deepEqual([rig.plant.watchdog, rig.plant.image.coil(0)], ['off', 1])
    }
  })

  it('runs again by 0x1007 once expired, and not once stopped', async () => {
    await using rig = await startGuarded(COUPLER)
    await arm(rig)
    await rig.clock.advance(2020)
    await rig.client.writeRegister(0x1007, 1)
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(10)
    assert.equal(rig.plant.watchdog, 'running')
    await rig.client.writeRegister(0x1008, 0xaa55)
    await rig.client.writeRegister(0x1007, 1)
    await rig.clock.advance(10)
    assert.equal(rig.plant.watchdog, 'off')
  })

  it('keeps its time and mask while it runs, and its registers one at a time', async () => {
    await using rig = await startGuarded(COUPLER)
    await arm(rig)
    for (const register of [0x1000, 0x1001, 0x1002]) {
      await assert.rejects(rig.client.writeRegister(register, 1), { modbusCode: 3 })
    }
    await assert.rejects(rig.client.writeRegister(0x1006, 0), { modbusCode: 2 })
    await assert.rejects(rig.client.writeRegisters(0x1000, [1, 1]), { modbusCode: 2 })
  })

  it('as the alternative watchdog is fed by every request and recovers by itself', async () => {
    await using rig = await startGuarded(COUPLER)
    await rig.client.writeRegister(0x1000, 10)
    await rig.client.writeRegister(0x100a, 1)
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(900)
    await rig.client.readCoils(0, 1)
    await rig.clock.advance(900)
    assert.equal(rig.plant.watchdog, 'running')
    await rig.clock.advance(120)
    assert.deepEqual(commandsOf(rig), [0, 1, 250])
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(10)
    assert.deepEqual([rig.plant.watchdog, rig.plant.image.coil(0)], ['running', 1])
  })
})
