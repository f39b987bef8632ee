import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlantFile } from '../../../simulator/plant.ts'
import { ForeignMaster } from '../modbus/foreign-master.ts'
import { WATER_PLANT } from '../water-plant.ts'
import { startOpcUaPlant } from './opcua-plant.ts'
import { OpcUaWitness } from './witness.ts'

const GOOD = '00000000'

/** The water plant, with numbers of several registers in either order of words. */
const { modbus } = WATER_PLANT.plc
const MODBUS: NonNullable<PlantFile['plc']>['modbus'] = {
  ...modbus,
  holding_registers: [
    ...modbus.holding_registers,
    { address: 20, type: 'float32', word_order: 'little' },
    { address: 30, type: 'int32', word_order: 'big' },
    { address: 40, type: 'float64', word_order: 'big', byte_order: 'little' },
  ],
}

// Neither client shares code with the simulator, nor with the other.
test('what is written over OPC UA is read over Modbus, and what is written over Modbus is read over OPC UA, at once', async () => {
  await using site = await startOpcUaPlant({}, { modbus: MODBUS })
  await using opcua = await OpcUaWitness.open(site, 'sign-and-encrypt')
  const { host, port } = site.plant.address
  await using master = await ForeignMaster.pymodbus('tcp', host, port)
  const shown = async (name: string) => {
    const [found] = await opcua.read(name)
    assert.equal(found?.status, GOOD, name)
    return found?.value
  }

  // Contacts, and registers of one word: raw, and in the unit of their signal.
  for (const [name, type, value, table, address, raw] of [
    ['inlet-valve.command', 'Boolean', true, 'coil', 0, 1],
    ['coil.2', 'Boolean', false, 'coil', 2, 0],
    ['holding-register.0', 'UInt16', 65_535, 'holding-register', 0, 65_535],
    ['drain-valve.command', 'Double', 0.25, 'holding-register', 10, 250],
  ] as const) {
    assert.equal(await opcua.write(name, type, value), GOOD, name)
    assert.deepEqual(await master.read(table, address, 1), [raw], name)
  }
  for (const [name, table, address, raw, value] of [
    ['inlet-valve.command', 'coil', 0, 0, false],
    ['coil.2', 'coil', 2, 1, true],
    ['holding-register.0', 'holding-register', 0, 258, 258],
    ['drain-valve.command', 'holding-register', 10, 750, 0.75],
  ] as const) {
    assert.equal(await master.write(table, address, raw), 'ok', name)
    assert.equal(await shown(name), value, name)
  }

  // Numbers of several registers, in each order.
  for (const [address, written, other, ...format] of [
    [20, -1234.5, 0.15625, 'float32', 'big', 'little'],
    [30, -1_234_567_890, 66_051, 'int32', 'big', 'big'],
    [40, -1.234567890123e-200, 0.1, 'float64', 'little', 'big'],
  ] as const) {
    const name = `holding-register.${address}`
    assert.equal(await opcua.write(name, 'Double', written), GOOD, name)
    assert.equal(Number(await master.number('holding-register', address, ...format)), written, name)
    assert.equal(await master.putNumber(address, other, ...format), 'ok', name)
    assert.equal(await shown(name), other, name)
  }

  // A call is a write, too, and what the sensors show is the same on both wires.
  assert.equal(await master.write('coil', 0, 0), 'ok')
  await opcua.call('inlet-valve', 'inlet-valve.move', 1)
  assert.deepEqual(await master.read('coil', 0, 1), [1])
  await site.clock.advance(2000)
  const [position = 0, level = 0, temperature = 0] = [...(await master.read('input-register', 0, 3))].map(
    Number,
  )
  assert.equal(position, 1000)
  assert.equal(await shown('inlet-valve.position'), position / 1000)
  assert.equal(await shown('tank.level'), level / 1000)
  assert.equal(await shown('cooling-loop.temperature'), temperature / 10)
  assert.deepEqual(await master.read('discrete-input', 1, 1), [0])
  assert.equal(await shown('inlet-valve.closed'), false)
})

test('a number that one wire has written half is on the other what its registers then say together', async () => {
  await using site = await startOpcUaPlant({}, { modbus: MODBUS })
  await using opcua = await OpcUaWitness.open(site, 'sign')
  const { host, port } = site.plant.address
  await using master = await ForeignMaster.pymodbus('tcp', host, port)
  assert.equal(await opcua.write('holding-register.30', 'Double', 0x0001_0002), GOOD)
  assert.equal(await master.write('holding-register', 31, 0xffff), 'ok')
  assert.equal((await opcua.read('holding-register.30'))[0]?.value, 0x0001_ffff)
})
