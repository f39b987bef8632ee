import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PlantFile, startPlant } from '../../simulator/plant.ts'
import { PlantFileError } from '../../simulator/plant-file/problem.ts'
import { parsePlant } from '../../simulator/plant-file/read.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'
import { connect, WATER_PLANT } from './water-plant.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0 }

/** The valve and the pump on a PLC each, with cycles of their own, and 64 more that have nothing but a register. */
const PLANT: PlantFile = {
  plant: 'many',
  plcs: {
    inlet: {
      scan_cycle: '10ms',
      modbus: {
        ...LOOPBACK,
        coils: [{ address: 0, signal: 'inlet-valve.command' }],
        input_registers: [{ address: 0, signal: 'inlet-valve.position', scale: 1000 }],
      },
    },
    cooling: {
      scan_cycle: '25ms',
      modbus: {
        ...LOOPBACK,
        unit: 7,
        coils: [{ address: 0, signal: 'coolant-pump.command' }],
        input_registers: [{ address: 0, signal: 'inlet-valve.position', scale: 1000 }],
      },
    },
    load: {
      copies: 64,
      scan_cycle: '100ms',
      modbus: { ...LOOPBACK, holding_registers: [{ address: 0 }] },
    },
  },
  elements: WATER_PLANT.elements,
}

describe('a plant with many PLCs', () => {
  it('serves each on a port of its own, with an image of its own, in one process', async () => {
    const clock = new VirtualClock()
    await using plant = await startPlant({ plant: PLANT }, { clock })
    assert.equal(plant.plcs.length, 66)
    assert.equal(new Set(plant.plcs.map(({ address }) => address.port)).size, 66)
    const copies = Array.from({ length: 64 }, (_, i) => plant.plc(`load-${i + 1}`))
    await Promise.all(
      copies.map(async (plc, i) => {
        const client = await connect(plc)
        await client.writeRegister(0, i + 1000)
        client.destroy(() => {})
      }),
    )
    assert.deepEqual(
      copies.map(({ image }) => image.holdingRegister(0)),
      copies.map((_, i) => i + 1000),
    )
  })

  it('is one process: what one PLC does, the sensors of another show', async () => {
    const clock = new VirtualClock()
    await using plant = await startPlant({ plant: PLANT }, { clock })
    const client = await connect(plant.plc('inlet'))
    await client.writeCoil(0, true)
    await clock.advance(160)
    assert.equal(plant.plc('inlet').image.inputRegister(0), 500)
    // Its last scan was 10 ms ago.
    assert.equal(plant.plc('cooling').image.inputRegister(0), 467)
    client.destroy(() => {})
  })

  it('has faults of the wire on one PLC or on all', async () => {
    const clock = new VirtualClock()
    await using plant = await startPlant({ plant: PLANT }, { clock })
    const [inlet, load] = [await connect(plant.plc('inlet')), await connect(plant.plc('load-64'))]
    await plant.faults.set({ kind: 'exception', code: 6, plc: 'inlet' })
    await assert.rejects(inlet.readCoils(0, 1), { modbusCode: 6 })
    await load.readHoldingRegisters(0, 1)
    await plant.faults.set({ kind: 'exception', code: 5 })
    await assert.rejects(load.readHoldingRegisters(0, 1), { modbusCode: 5 })
    await plant.faults.set({ kind: 'dropped-link', plc: 'load-64' })
    await assert.rejects(connect(plant.plc('load-64')))
    await plant.faults.clear()
    for (const plc of ['load-64', 'load-1']) (await connect(plant.plc(plc))).destroy(() => {})
    await assert.rejects(plant.faults.set({ kind: 'half-open', plc: 'spare' }), /no PLC is called spare/)
    for (const client of [inlet, load]) client.destroy(() => {})
  })

  it('is refused, with its place, where it cannot be', () => {
    const text = (plcs: string) => `plant: many
${plcs}
elements:
  valve: {kind: valve, fills: tank, stroke_time: 3s, flow_l_s: 1}
  tank: {kind: tank, area_m2: 2, height_m: 3, initial_level_m: 1, demand_l_s: 1}
`
    const plc = (more = '', coil = '{address: 0, signal: valve.command}') =>
      `{${more}scan_cycle: 10ms, modbus: {host: h, port: 0, coils: [${coil}]}}`
    const rows: [plcs: string, problem: string][] = [
      ['', 'p.yaml:1:1: plc: is missing: expected a mapping'],
      ['plcs: {}', 'p.yaml:1:1: plc: is missing: expected a mapping'],
      [`plc: ${plc()}\nplcs: {a: ${plc('', '')}}`, 'p.yaml:2:1: plc: expected plc or plcs, not both'],
      [
        `plcs:\n  a: ${plc()}\n  b: ${plc()}`,
        'p.yaml:4:81: plcs.b.modbus.coils[0].signal: valve.command is commanded by another cell too',
      ],
      [
        `plcs:\n  a: ${plc('copies: 2, ')}`,
        'p.yaml:3:92: plcs.a.modbus.coils[0].signal: valve.command cannot be commanded by every copy of a PLC',
      ],
    ]
    for (const [plcs, problem] of rows) {
      assert.throws(
        () => parsePlant(text(plcs), 'p.yaml'),
        error => {
          assert.ok(error instanceof PlantFileError)
          assert.deepEqual(error.lines, [problem])
          return true
        },
      )
    }
  })
})
