import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Plant, type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { WATER_PLANT } from '../water-plant.ts'
import { ForeignMaster } from './foreign-master.ts'
import { PtyPair } from './pty-pair.ts'

type Modbus = NonNullable<PlantFile['plc']>['modbus']

/** The largest requests that Modbus has (MODBUS Application Protocol V1.1b3 §6.1, §6.3, §6.11, §6.12, §6.17). */
const MOST = {
  coilsRead: 2000,
  coilsWritten: 1968,
  registersRead: 125,
  registersWritten: 123,
  exchanged: 121,
}
const MEMORY = 1000
const cells = (count: number) => Array.from({ length: count }, (_, i) => ({ address: MEMORY + i }))

/** The water plant at −3.2 °C, with as much memory as one request reads, and a setpoint of −500 to 500 for 0 to 1. */
async function start(more: Partial<Modbus> = {}): Promise<{ plant: Plant; clock: VirtualClock }> {
  const clock = new VirtualClock()
  const { plc, elements } = WATER_PLANT
  const modbus: Modbus = {
    ...plc.modbus,
    coils: [...plc.modbus.coils, ...cells(MOST.coilsRead)],
    holding_registers: [
      { address: 0, initial: 7 },
      { address: 1 },
      {
        address: 10,
        signal: 'drain-valve.command',
        scale: 1000,
        offset: -500,
        type: 'int16',
        initial: -500,
      },
      ...cells(MOST.registersRead),
    ],
    ...more,
  }
  const cold = { ...elements['cooling-loop'], initial_temperature_c: -3.2, ambient_c: -3.2, heat_load_kw: 0 }
  const plant: PlantFile = {
    ...WATER_PLANT,
    plc: { ...plc, modbus },
    elements: { ...elements, 'cooling-loop': cold },
  }
  return { clock, plant: await startPlant({ plant }, { clock }) }
}

/** Reads and writes every kind of cell that a plant has, by every function, and compares with what the plant knows. */
async function checkEveryCell(master: ForeignMaster, plant: Plant, clock: VirtualClock): Promise<void> {
  const { image } = plant
  // Memory: what is written is there, and is read back.
  assert.equal(await master.write('coil', 2, 0), 'ok')
  assert.equal(image.coil(2), 0)
  assert.equal(await master.writeMany('coil', 0, [1, 0, 1]), 'ok')
  assert.deepEqual(await master.read('coil', 0, 3), [1, 0, 1])
  assert.deepEqual(await master.read('holding-register', 0, 2), [7, 0])
  assert.equal(await master.write('holding-register', 1, 0xffff), 'ok')
  assert.equal(image.holdingRegister(1), 0xffff)
  assert.equal(await master.writeMany('holding-register', 0, [0x1234, 0x8001]), 'ok')
  assert.deepEqual(await master.read('holding-register', 0, 2), [0x1234, 0x8001])

  // Actuators and sensors: a coil opens the valve, a signed and scaled register moves the other one to 40 %.
  assert.deepEqual(await master.read('discrete-input', 0, 2), [0, 1])
  assert.equal(await master.write('holding-register', 10, -100 & 0xffff), 'ok')
  await clock.advance(1010)
  assert.deepEqual([plant.valve('inlet-valve').position, plant.valve('drain-valve').position], [1, 0.4])
  assert.deepEqual(await master.read('discrete-input', 0, 2), [0, 0])
  const level = Math.round(plant.tank('tank').level_m * 1000)
  assert.deepEqual(await master.read('input-register', 0, 4), [1000, level, -32 & 0xffff, 400])

  // The largest requests, with a pattern in which no byte is like the next.
  const bits = Array.from({ length: MOST.coilsWritten }, (_, i) => ((i * 7919) >> 3) & 1)
  assert.equal(await master.writeMany('coil', MEMORY, bits), 'ok')
  const rest = Array.from({ length: MOST.coilsRead - MOST.coilsWritten }, () => 0)
  assert.deepEqual(await master.read('coil', MEMORY, MOST.coilsRead), [...bits, ...rest])
  const numbers = Array.from({ length: MOST.registersWritten }, (_, i) => (i * 40_503) & 0xffff)
  assert.equal(await master.writeMany('holding-register', MEMORY, numbers), 'ok')
  assert.deepEqual(await master.read('holding-register', MEMORY, MOST.registersRead), [...numbers, 0, 0])

  // Bits of a register, and a write with a read behind it.
  assert.equal(await master.write('holding-register', 1, 0x12), 'ok')
  assert.equal(await master.mask(1, 0xf2, 0x25), 'ok')
  assert.equal(image.holdingRegister(1), 0x17)
  assert.equal(
    await master.exchange({ address: 0, count: 2 }, { address: 1, values: [0xbeef] }),
    '4660 48879',
  )
  const most = numbers.slice(0, MOST.exchanged).map(value => value ^ 0xffff)
  assert.equal(
    await master.exchange({ address: MEMORY, count: MOST.registersRead }, { address: MEMORY, values: most }),
    [...most, ...numbers.slice(MOST.exchanged), 0, 0].join(' '),
  )

  // What is not there is refused, by the code that says so; what reaches beyond the end has written nothing.
  for (const table of ['coil', 'discrete-input', 'holding-register', 'input-register'] as const)
    assert.equal(await master.read(table, 500, 1), 'exception 2', table)
  assert.equal(await master.write('holding-register', 500, 1), 'exception 2')
  assert.equal(await master.writeMany('coil', 2, [0, 0]), 'exception 2')
  assert.equal(await master.mask(500, 0, 0), 'exception 2')
  assert.equal(await master.exchange({ address: 500, count: 1 }, { address: 0, values: [1] }), 'exception 2')
  assert.equal(image.holdingRegister(0), 0x1234)
  assert.equal(image.coil(2), 1)
  await plant.faults.set({ kind: 'exception', code: 6, on: 'writes' })
  assert.equal(await master.write('coil', 0, 0), 'exception 6')
  assert.equal(image.coil(0), 1)
}

describe('masters that share no code with ours read and write every kind of cell', () => {
  it('pymodbus over Modbus TCP', async () => {
    const { plant, clock } = await start()
    await using _ = plant
    await using master = await ForeignMaster.pymodbus('tcp', plant.address.host, plant.address.port)
    await checkEveryCell(master, plant, clock)
  })

  it('pymodbus over RTU over TCP', async () => {
    const { plant, clock } = await start({ rtu_over_tcp: { port: 0 } })
    await using _ = plant
    const { rtuAddress } = plant.plc('plc')
    assert.ok(rtuAddress)
    await using master = await ForeignMaster.pymodbus('rtu-over-tcp', rtuAddress.host, rtuAddress.port)
    await checkEveryCell(master, plant, clock)
  })

  it('pymodbus on a serial line', async () => {
    await using pty = await PtyPair.open()
    const { plant, clock } = await start({ serial: { path: pty.ours, parity: 'none' } })
    await using _ = plant
    await using master = await ForeignMaster.pymodbus('rtu', pty.theirs)
    await checkEveryCell(master, plant, clock)
  })

  it('libmodbus over Modbus TCP', async () => {
    await using folder = await temporaryFolder()
    const { plant, clock } = await start()
    await using _ = plant
    const { host, port } = plant.address
    await using master = await ForeignMaster.libmodbus(folder.path, 'tcp', host, port)
    await checkEveryCell(master, plant, clock)
  })

  it('libmodbus on a serial line', async () => {
    await using folder = await temporaryFolder()
    await using pty = await PtyPair.open()
    const { plant, clock } = await start({ serial: { path: pty.ours, parity: 'none' } })
    await using _ = plant
    await using master = await ForeignMaster.libmodbus(folder.path, 'rtu', pty.theirs)
    await checkEveryCell(master, plant, clock)
  })
})
