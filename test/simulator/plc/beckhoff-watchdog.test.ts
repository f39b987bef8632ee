import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { commandsOf, type GuardedRig, startGuarded } from './coupler-rig.ts'

const COUPLER = { kind: 'beckhoff' } as const
const FAILURE = { modbusCode: 4 }

async function reset({ client }: GuardedRig): Promise<void> {
  await client.writeRegister(0x1121, 0xbecf)
  await client.writeRegister(0x1121, 0xaffe)
}

describe('a watchdog like that of a Beckhoff coupler', () => {
  it('is there as delivered: 1000 ms, fed by any telegram, waiting for the first write', async () => {
    await using rig = await startGuarded(COUPLER)
    const { client, clock } = rig
    assert.deepEqual((await client.readHoldingRegisters(0x1120, 3)).data, [1000, 0, 1])
    await client.readCoils(0, 1)
    await clock.advance(5000)
    assert.equal(rig.plant.watchdog, 'off')
    await client.writeCoil(0, true)
    for (let i = 0; i < 5; i++) {
      await clock.advance(900)
      await client.readInputRegisters(0, 1)
    }
    assert.equal(rig.plant.watchdog, 'running')
    await clock.advance(1020)
    assert.equal(rig.plant.watchdog, 'expired')
  })

  it('once expired has forced the fallback, refuses process data with 4, and is reset by its two words', async () => {
    await using rig = await startGuarded(COUPLER)
    const { client, clock } = rig
    await client.writeCoil(0, true)
    await clock.advance(1020)
    assert.deepEqual(commandsOf(rig), [0, 1, 250])
    await assert.rejects(client.writeCoil(0, true), FAILURE)
    await assert.rejects(client.readInputRegisters(0, 1), FAILURE)
    assert.deepEqual((await client.readHoldingRegisters(0x100c, 1)).data, [0x8000])
    assert.deepEqual((await client.readHoldingRegisters(0x1020, 1)).data, [0])
    await client.writeRegister(0x1121, 0xaffe)
    await client.writeRegister(0x1121, 0xbecf)
    await assert.rejects(client.readInputRegisters(0, 1), FAILURE)
    await client.writeRegister(0x1121, 0xaffe)
    assert.deepEqual((await client.readInputRegisters(0, 1)).data.length, 1)
    assert.deepEqual((await client.readHoldingRegisters(0x100c, 1)).data, [0])
    await clock.advance(5000)
    assert.deepEqual(commandsOf(rig), [0, 1, 250])
    assert.equal(rig.plant.watchdog, 'off')
  })

  it('with type 0 is fed by writes of process data only, not by reads or its own registers', async () => {
    await using rig = await startGuarded(COUPLER)
    const { client, clock } = rig
    await client.writeRegister(0x1122, 0)
    await client.writeCoil(0, true)
    await clock.advance(900)
    await client.readCoils(0, 1)
    await client.writeRegister(0x1121, 0)
    await clock.advance(120)
    assert.equal(rig.plant.watchdog, 'expired')
    await reset(rig)
    for (let i = 0; i < 3; i++) {
      await client.writeCoil(0, true)
      await clock.advance(900)
    }
    assert.equal(rig.plant.watchdog, 'running')
  })

  it('takes another time only while it does not run; 0 switches it off', async () => {
    await using rig = await startGuarded(COUPLER)
    const { client, clock } = rig
    await client.writeRegister(0x1120, 200)
    await client.writeCoil(0, true)
    await assert.rejects(client.writeRegister(0x1120, 0), { modbusCode: 3 })
    await clock.advance(220)
    assert.equal(rig.plant.watchdog, 'expired')
    await client.writeRegister(0x1120, 0)
    await reset(rig)
    await client.writeCoil(0, true)
    await clock.advance(100_000)
    assert.equal(rig.plant.image.coil(0), 1)
  })

  it('clears outputs that declare no fallback', async () => {
    await using rig = await startGuarded(COUPLER, {
      modbus: { host: '127.0.0.1', port: 0, coils: [{ address: 0, signal: 'inlet-valve.command' }] },
    })
    await rig.client.writeCoil(0, true)
    await rig.clock.advance(1020)
    assert.equal(rig.plant.image.coil(0), 0)
  })

  it('does not let its read-only registers be written', async () => {
    await using rig = await startGuarded(COUPLER)
    await assert.rejects(rig.client.writeRegister(0x100c, 0), { modbusCode: 2 })
    await assert.rejects(rig.client.writeRegister(0x1020, 0), { modbusCode: 2 })
    await assert.rejects(rig.client.writeRegister(0x1122, 2), { modbusCode: 3 })
  })
})
