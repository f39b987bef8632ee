import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tcpWay } from '../../../drivers/modbus/tcp.ts'
import { valueIn } from '../../drivers/driver.contract.ts'
import { Connected } from '../../drivers/modbus/connected.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { ForeignMaster } from './foreign-master.ts'
import { CASES, type NumberCase, numberIn, startNumberPlant, wordsOf } from './number-plant.ts'

const SOON = 3000

function told({ type, bytes, words }: NumberCase): string {
  return `${type}, bytes ${bytes}, words ${words}`
}

describe('numbers in several registers', () => {
  it('are read and written by pymodbus, in every type and order', async () => {
    await using plant = await startNumberPlant()
    await using master = await ForeignMaster.pymodbus('tcp', plant.address.host, plant.address.port)
    for (const one of CASES) {
      const format = [one.type, one.bytes, one.words]
      for (const table of ['holding-register', 'input-register'] as const)
        assert.equal(Number(await master.number(table, one.address, ...format)), one.held, told(one))
      assert.equal(await master.putNumber(one.address, one.written, ...format), 'ok')
      assert.equal(numberIn(plant, one), one.written, told(one))
    }
    assert.equal(CASES.length, 28)
  })

  it('are read and written by libmodbus, where it has its own macros', async () => {
    await using folder = await temporaryFolder()
    await using plant = await startNumberPlant()
    const { host, port } = plant.address
    await using master = await ForeignMaster.libmodbus(folder.path, 'tcp', host, port)
    for (const [name, type, words] of [
      ['float', 'float32', 'little'],
      ['int32', 'int32', 'big'],
      ['int64', 'int64', 'big'],
    ]) {
      const one = CASES.find(one => one.type === type && one.bytes === 'big' && one.words === words)
      assert.ok(one && name)
      for (const table of ['holding-register', 'input-register'] as const)
        assert.equal(Number(await master.number(table, one.address, name)), one.held, name)
      assert.equal(await master.putNumber(one.address, one.written, name), 'ok')
      assert.equal(numberIn(plant, one), one.written, name)
    }
  })

  it('share a register with bits that the agent’s driver changes by a mask write', async () => {
    await using plant = await startNumberPlant()
    await using connected = await Connected.to(tcpWay(plant.address))
    const one = CASES.find(({ type, bytes }) => type === 'uint16' && bytes === 'big')
    assert.ok(one)
    const field = { holding_register: one.address, mask: 0x0ff0, write_function: 22 } as const
    const driver = connected.driver({ field })
    assert.deepEqual(await driver.write('field', 0xbc, SOON), { kind: 'accepted' })
    assert.equal(numberIn(plant, one), (one.held & 0xf00f) | 0x0bc0)
    assert.equal(valueIn(await driver.read('field', SOON)), 0xbc)
  })

  it('are read and written by the agent’s driver, configured in the same words', async () => {
    await using plant = await startNumberPlant()
    await using connected = await Connected.to(tcpWay(plant.address))
    for (const one of CASES) {
      const driver = connected.driver({
        holding: { holding_register: one.address, ...wordsOf(one) },
        input: { input_register: one.address, ...wordsOf(one) },
      })
      assert.equal(valueIn(await driver.read('holding', SOON)), one.held, told(one))
      assert.equal(valueIn(await driver.read('input', SOON)), one.held, told(one))
      assert.deepEqual(await driver.write('holding', one.written, SOON), { kind: 'accepted' }, told(one))
      assert.equal(numberIn(plant, one), one.written, told(one))
    }
  })
})
