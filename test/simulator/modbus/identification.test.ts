import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { execa } from 'execa'
import fc from 'fast-check'
import { parseDocument } from 'yaml'
import { rtuOverTcpWay, tcpWay } from '../../../drivers/modbus/tcp.ts'
import {
  type Identification,
  identificationAnswer,
  OBJECT_MAX,
} from '../../../simulator/modbus/identification.ts'
import type { Identify } from '../../../simulator/modbus/request.ts'
import { type Plant, type PlantFile, startPlant } from '../../../simulator/plant.ts'
import { PlantFileError } from '../../../simulator/plant-file/problem.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { HOLDFAST } from '../../agent/gateway.ts'
import { Connected } from '../../drivers/modbus/connected.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { WATER_PLANT } from '../water-plant.ts'
import { ForeignMaster } from './foreign-master.ts'

const BASIC: Identification = { vendor: 'ACME', product_code: 'V-100', revision: '1.4' }
const REGULAR: Identification = { ...BASIC, product_name: 'Valve head', application: 'north' }

/** An answer's head, and its objects by id; an exception answer is its code. */
function answered(identification: Identification, code: Identify['code'], object: number) {
  const pdu = identificationAnswer(identification, { kind: 'identify', code, object })
  assert.ok(pdu.length <= 253)
  if (pdu[0] !== 43) return pdu[1]
  const [, kind, echoed, conformity, more, next, count] = pdu
  assert.deepEqual([kind, echoed], [14, code])
  const objects: Record<number, string> = {}
  let at = 7
  while (at < pdu.length) {
    const [id = -1, length = 0] = pdu.subarray(at)
    objects[id] = pdu.toString('latin1', at + 2, at + 2 + length)
    at += 2 + length
  }
  assert.deepEqual([Object.keys(objects).length, at], [count, pdu.length])
  return { conformity, more, next, objects }
}

describe('a device’s identification', () => {
  it('is streamed by category, from the object that is asked for', () => {
    const all = { 0: 'ACME', 1: 'V-100', 2: '1.4', 4: 'Valve head', 6: 'north' }
    const basic = { 0: 'ACME', 1: 'V-100', 2: '1.4' }
    const rows: [code: Identify['code'], object: number, objects: object][] = [
      [1, 0, basic],
      [1, 2, { 2: '1.4' }],
      [2, 0, all],
      [2, 1, { 1: 'V-100', 2: '1.4', 4: 'Valve head', 6: 'north' }],
      [2, 6, { 6: 'north' }],
      // What it does not have, or not in this category, begins again (§6.21).
      [1, 4, basic],
      [2, 3, all],
      [2, 0x80, all],
      // It has nothing extended: it answers with what it has.
      [3, 0, all],
    ]
    for (const [code, object, objects] of rows)
      assert.deepEqual(
        answered(REGULAR, code, object),
        { conformity: 0x82, more: 0, next: 0, objects },
        `${code} ${object}`,
      )
  })

  it('of basic objects alone says so, and answers more with those', () => {
    const objects = { 0: 'ACME', 1: 'V-100', 2: '1.4' }
    for (const code of [1, 2, 3] as const)
      assert.deepEqual(answered(BASIC, code, 0), { conformity: 0x81, more: 0, next: 0, objects })
  })

  it('is told object by object, and what is not there is exception 2', () => {
    const head = { conformity: 0x82, more: 0, next: 0 }
    assert.deepEqual(answered(REGULAR, 4, 4), { ...head, objects: { 4: 'Valve head' } })
    for (const object of [3, 5, 7, 0x80, 0xff]) assert.equal(answered(REGULAR, 4, object), 2)
  })

  it('that one answer cannot hold comes in parts, each within a PDU, none twice', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: OBJECT_MAX })
    const some = fc.option(text, { nil: undefined })
    const any = fc.record({
      vendor: text,
      product_code: text,
      revision: text,
      vendor_url: some,
      product_name: some,
      model: some,
      application: some,
    })
    fc.assert(
      fc.property(any, identification => {
        const told: string[] = []
        for (let object = 0; ; ) {
          const part = answered(identification, 2, object)
          assert.ok(typeof part === 'object')
          assert.ok(Object.keys(part.objects).length > 0)
          told.push(...Object.values(part.objects))
          if (part.more !== 0xff) break
          assert.ok((part.next ?? 0) > object)
          object = part.next ?? 0
        }
        assert.deepEqual(
          told,
          Object.values(identification).filter(one => one !== undefined),
        )
      }),
      { numRuns: 200, seed: 20_261_122 },
    )
  })
})

function start(identification?: NonNullable<PlantFile['plc']>['modbus']['identification']): Promise<Plant> {
  const { plc } = WATER_PLANT
  const plant = {
    ...WATER_PLANT,
    plc: { ...plc, modbus: { ...plc.modbus, rtu_over_tcp: { port: 0 }, identification } },
  }
  return startPlant({ plant }, { clock: new VirtualClock() })
}

/** Fills three answers. */
const LONG = { ...BASIC, vendor_url: 'u'.repeat(200), product_name: 'n'.repeat(OBJECT_MAX), model: 'm' }

describe('a simulated PLC says what it is', () => {
  it('to pymodbus, over Modbus TCP', async () => {
    await using plant = await start(LONG)
    await using master = await ForeignMaster.pymodbus('tcp', plant.address.host, plant.address.port)
    const basic = { '0': 'ACME', '1': 'V-100', '2': '1.4' }
    const at = { conformity: 0x82, more: 0, next: 0 }
    const asked = async (code: number, object: number) => JSON.parse(await master.identify(code, object))
    assert.deepEqual(await asked(1, 0), { ...at, objects: basic })
    assert.deepEqual(await asked(4, 1), { ...at, objects: { '1': 'V-100' } })
    assert.deepEqual(await asked(2, 0), {
      ...at,
      more: 255,
      next: 4,
      objects: { ...basic, '3': LONG.vendor_url },
    })
    assert.deepEqual(await asked(2, 4), { ...at, more: 255, next: 5, objects: { '4': LONG.product_name } })
    assert.deepEqual(await asked(2, 5), { ...at, objects: { '5': 'm' } })
    assert.equal(await master.identify(4, 6), 'exception 2')
    assert.equal(await master.identify(5, 0), 'exception 3')
  })

  it('to pymodbus and to the agent’s driver, over RTU', async () => {
    await using plant = await start(LONG)
    const { rtuAddress } = plant.plc('plc')
    assert.ok(rtuAddress)
    await using master = await ForeignMaster.pymodbus('rtu-over-tcp', rtuAddress.host, rtuAddress.port)
    const { objects } = JSON.parse(await master.identify(2, 4))
    assert.deepEqual(objects, { '4': LONG.product_name })
    await using connected = await Connected.to(rtuOverTcpWay(rtuAddress))
    assert.deepEqual(await connected.driver({}).identify(3000), { kind: 'identity', facts: LONG })
  })

  it('to the agent’s driver, in parts', async () => {
    await using plant = await start(LONG)
    await using connected = await Connected.to(tcpWay(plant.address))
    assert.deepEqual(await connected.driver({}).identify(3000), { kind: 'identity', facts: LONG })
  })

  it('to `holdfast device show`', async () => {
    const example = new URL('../../../examples/water-treatment/', import.meta.url)
    await using folder = await temporaryFolder()
    await using plant = await startPlant(
      { file: new URL('plant.yaml', example).pathname },
      { clock: new VirtualClock(), port: 0 },
    )
    const document = parseDocument(await readFile(new URL('holdfast.yaml', example), 'utf8'))
    document.setIn(['devices', 'plc', 'port'], plant.address.port)
    const config = join(folder.path, 'holdfast.yaml')
    await writeFile(config, document.toString())
    const { stdout } = await execa(HOLDFAST, ['device', 'show', 'plc', '--config', config, '--json'])
    assert.deepEqual(JSON.parse(stdout).identity, {
      vendor: 'holdfast',
      product_code: 'simulated-plc',
      revision: '1',
      application: 'water-treatment',
    })
  })

  it('as the plant file declares it, or the plant does not start', async () => {
    await assert.rejects(start({ ...BASIC, model: 'é' }), error => {
      assert.ok(error instanceof PlantFileError)
      assert.deepEqual(error.lines, [
        `plc.modbus.identification.model: expected 1 to ${OBJECT_MAX} characters of ASCII`,
      ])
      return true
    })
  })
})
