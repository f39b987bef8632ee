import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PlantFile } from '../../../simulator/plant.ts'
import { startRig, WATER_PLANT } from '../water-plant.ts'

type PlcFile = NonNullable<PlantFile['plc']>

/** The drain valve by a float of 0 to 100 %, its position as one too, and the level with its low word first. */
function startWide(more: Partial<PlcFile> = {}) {
  const { modbus } = WATER_PLANT.plc
  const position = { type: 'float32', word_order: 'big', scale: 100 } as const
  return startRig([], {
    plc: {
      ...WATER_PLANT.plc,
      ...more,
      modbus: {
        ...modbus,
        holding_registers: [
          {
            address: 10,
            signal: 'drain-valve.command',
            ...position,
            ...(more.watchdog ? { fallback: 25, fallback_register: 20 } : {}),
          },
          { address: 100 },
        ],
        input_registers: [
          { address: 0, signal: 'drain-valve.position', ...position },
          { address: 2, signal: 'tank.level', type: 'uint32', word_order: 'little', scale: 1_000_000 },
        ],
      },
    },
  })
}

/** 40 and 50 as IEEE 754 singles. */
const [FORTY, FIFTY] = [
  [0x4220, 0],
  [0x4248, 0],
] as const

describe('a number in two registers', () => {
  it('moves its actuator, and shows its sensor', async () => {
    await using rig = await startWide()
    const { client, clock, plant } = rig
    await client.writeRegisters(10, [...FORTY])
    await clock.advance(1010)
    assert.equal(plant.valve('drain-valve').position, 0.4)
    assert.deepEqual((await client.readInputRegisters(0, 2)).data, FORTY)
    const [low = 0, high = 0] = (await client.readInputRegisters(2, 2)).data
    assert.equal(high * 65_536 + low, Math.round(plant.tank('tank').level_m * 1_000_000))
  })

  it('of which a master reads one register is answered with that register', async () => {
    await using rig = await startWide()
    await rig.client.writeRegisters(10, [...FIFTY])
    assert.deepEqual((await rig.client.readHoldingRegisters(10, 1)).data, [FIFTY[0]])
    assert.deepEqual((await rig.client.readHoldingRegisters(11, 1)).data, [FIFTY[1]])
  })

  it('of which a master writes one register is what the registers then say', async () => {
    await using rig = await startWide()
    const { client, clock, plant } = rig
    await client.writeRegisters(10, [...FORTY])
    await client.writeRegister(10, FIFTY[0])
    await clock.advance(2010)
    assert.equal(plant.valve('drain-valve').position, 0.5)
    // The low half alone: 50 + 1/1024 or so.
    await client.writeRegister(11, 0x0100)
    await clock.advance(1010)
    assert.ok(Math.abs(plant.valve('drain-valve').position - (0.5 + 0.01 / 1024)) < 1e-9)
  })

  it('that is none is not obeyed: what was commanded before stands', async () => {
    await using rig = await startWide()
    const { client, clock, plant } = rig
    await client.writeRegisters(10, [...FORTY])
    await clock.advance(2010)
    await client.writeRegisters(10, [0x7fc0, 0])
    await clock.advance(2010)
    assert.equal(plant.valve('drain-valve').position, 0.4)
    assert.equal(plant.commands.get('drain-valve.command'), 0.4)
    await client.writeRegisters(10, [...FIFTY])
    await clock.advance(2010)
    assert.equal(plant.valve('drain-valve').position, 0.5)
  })

  it('falls back as a whole, and shows its fallback in as many registers', async () => {
    const watchdog = { kind: 'register', register: 50, time: '1s' } as const
    await using rig = await startWide({ watchdog })
    const { client, clock, plant } = rig
    await client.writeRegisters(10, [...FORTY])
    await client.writeRegister(50, 1)
    await clock.advance(2010)
    // 25 as an IEEE 754 single.
    assert.deepEqual((await client.readHoldingRegisters(10, 2)).data, [0x41c8, 0])
    assert.deepEqual((await client.readInputRegisters(20, 2)).data, [0x41c8, 0])
    assert.equal(plant.commands.get('drain-valve.command'), 0.25)
  })

  it('is one value on OPC UA, in its unit', async () => {
    await using rig = await startWide({ watchdog: { kind: 'register', register: 50, time: '1s' } })
    const plc = rig.plant.plc('plc')
    assert.equal(plc.answerNodeWrite('drain-valve.command', 0.5)?.status, 'Good')
    assert.deepEqual((await rig.client.readHoldingRegisters(10, 2)).data, FIFTY)
    assert.equal(plc.readNode('drain-valve.command').value, 0.5)
    assert.equal(plc.readNode('input-register.20').value, 25)
    assert.equal(plc.readNode('tank.level').value, 1.2)
    // The second half is no node of its own.
    assert.throws(() => plc.readNode('holding-register.11'), RangeError)
    assert.equal(plc.answerNodeWrite('drain-valve.command', Number.NaN)?.status, 'BadOutOfRange')
  })
})
