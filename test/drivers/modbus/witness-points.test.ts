import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { rtuOverTcpWay, tcpWay } from '../../../drivers/modbus/tcp.ts'
import type { Clock } from '../../../model/time.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { valueIn } from '../driver.contract.ts'
import { Connected, type PointText } from './connected.ts'
import { Witness } from './witness.ts'

/** What a point can be besides its type: each is judged by what a foreign server says that its tables hold, both ways. */

const SOON = 3000
const at = (port: number) => tcpWay({ host: '127.0.0.1', port })
const ACCEPTED = { kind: 'accepted' }
const BIG = { byte: '>', word: '>' } as const

/** The engineering value that stands for what is held, and one to write with what is held then. */
const SCALED: readonly (readonly [
  point: Partial<PointText> & { readonly type: NonNullable<PointText['type']> },
  held: number,
  value: number,
  written: number,
  then: number,
])[] = [
  [{ type: 'int16', scale: 0.1 }, -123, -12.3, 45.6, 456],
  [{ type: 'int16', scale: 0.1, offset: -273.15 }, 2932, 20.05, -40, 2332],
  [{ type: 'uint16', scale: -0.5, offset: 100 }, 200, 0, 99.5, 1],
  [{ type: 'uint16', scale: 0.003616898148148148 }, 13_824, 50, 100, 27_648],
  [{ type: 'uint16', offset: 1000 }, 7, 1007, 1000, 0],
  [{ type: 'int32', word_order: 'big', scale: 0.001 }, -1_234_567, -1234.567, 70_000.001, 70_000_001],
  [{ type: 'float32', word_order: 'big', scale: 2, offset: 1 }, 0.25, 1.5, -3, -2],
]

test('pymodbus holds the raw number of every scaled value, and what it holds is read in the engineering unit', async () => {
  const { witness, port } = await Witness.pymodbus()
  await using _ = witness
  await using connected = await Connected.to(at(port))
  for (const [point, held, value, written, then] of SCALED) {
    const told = JSON.stringify(point)
    const driver = connected.driver({
      holding: { holding_register: 20, ...point },
      input: { input_register: 20, ...point },
    })
    await witness.ask({ set: point.type, value: held, ...BIG, address: 20 })
    assert.equal(valueIn(await driver.read('holding', SOON)), value, told)
    assert.equal(valueIn(await driver.read('input', SOON)), value, told)
    assert.deepEqual(await driver.write('holding', written, SOON), ACCEPTED, told)
    assert.deepEqual(await witness.ask({ get: point.type, ...BIG, address: 20 }), { value: then }, told)
  }
})

test('libmodbus holds the raw number of a scaled value, and what it holds is read in the engineering unit', async () => {
  await using folder = await temporaryFolder()
  const { witness, said } = await Witness.libmodbus(folder.path, 'tcp')
  await using _ = witness
  await using connected = await Connected.to(at(Number(said.split(' ')[1])))
  const scaled = { type: 'int32', word_order: 'big', scale: 0.01, offset: 10 } as const
  const driver = connected.driver({
    holding: { holding_register: 8, ...scaled },
    input: { input_register: 8, ...scaled },
  })
  for (const point of ['holding', 'input'])
    assert.equal(valueIn(await driver.read(point, SOON)), -1_234_557.89)
  assert.deepEqual(await driver.write('holding', 9.99, SOON), ACCEPTED)
  const [, , , , , , int32] = (await witness.line()).split(' ')
  assert.equal(int32, '-1')
})

/** What each write of a field leaves in a register that held 0x5aa5, and the function codes that it took. */
const FIELDS: readonly (readonly [
  point: Partial<PointText>,
  held: number,
  value: number,
  then: number,
  functions: readonly number[],
])[] = [
  [{ mask: 0x0ff0, write_function: 22 }, 0xaa, 0x3c, 0x53c5, [22]],
  [{ mask: 0x0ff0, write_function: 6 }, 0xaa, 0x3c, 0x53c5, [3, 6, 3]],
  [{ mask: 0x0ff0, write_function: 16 }, 0xaa, 0x3c, 0x53c5, [3, 16, 3]],
  [{ bit: 15, write_function: 22 }, 0, 1, 0xdaa5, [22]],
  [{ bit: 1, write_function: 6 }, 0, 1, 0x5aa7, [3, 6, 3]],
  [{ bit: 0, write_function: 16 }, 1, 0, 0x5aa4, [3, 16, 3]],
  [{ mask: 0xf000, write_function: 16, byte_order: 'little' }, 0xa, 0x6, 0x5a65, [3, 16, 3]],
  [{ mask: 0x00f0, write_function: 22, byte_order: 'little' }, 0x5, 0xf, 0xfaa5, [22]],
]

test('pymodbus holds every field that is written, and what is around it as it was, by function codes 6, 16 and 22', async () => {
  const { witness, port } = await Witness.pymodbus()
  await using _ = witness
  await using connected = await Connected.to(at(port))
  for (const [point, held, value, then, functions] of FIELDS) {
    const told = JSON.stringify(point)
    const driver = connected.driver({ field: { holding_register: 30, ...point } })
    await witness.ask({ set: 'uint16', value: 0x5aa5, ...BIG, address: 30 })
    assert.equal(valueIn(await driver.read('field', SOON)), held, told)
    await witness.ask({ asked: true })
    assert.deepEqual(await driver.write('field', value, SOON), ACCEPTED, told)
    const { asked } = await witness.ask({ asked: true })
    assert.deepEqual(
      asked,
      functions.map(code => [code, 30, 1]),
      told,
    )
    assert.deepEqual(await witness.ask({ get: 'uint16', ...BIG, address: 30 }), { value: then }, told)
  }
})

test("libmodbus's own mask write and registers: fields, function codes 5, 6, 15, 16 and 22", async () => {
  await using folder = await temporaryFolder()
  const { witness, said } = await Witness.libmodbus(folder.path, 'tcp')
  await using _ = witness
  await using connected = await Connected.to(at(Number(said.split(' ')[1])))
  const driver = connected.driver({
    whole: { holding_register: 50 },
    sixteen: { holding_register: 50, write_function: 16 },
    masked: { holding_register: 50, mask: 0x0ff0, write_function: 22 },
    six: { holding_register: 50, bit: 0, write_function: 6 },
    nibble: { holding_register: 50, mask: 0xf000, write_function: 16 },
    coil: { coil: 5, write_function: 15 },
    single: { coil: 6 },
    input: { discrete_input: 3 },
    bits: { input_register: 14, mask: 0x0ff0 },
    bit: { input_register: 14, bit: 15 },
    low: { input_register: 14, bit: 2 },
  })
  for (const [point, value, code, whole] of [
    ['whole', 0xa00a, 6, 0xa00a],
    ['masked', 0xbc, 22, 0xabca],
    ['six', 1, 6, 0xabcb],
    ['nibble', 5, 16, 0x5bcb],
    ['sixteen', 0x1234, 16, 0x1234],
    ['masked', 0, 22, 0x1004],
    ['six', 1, 6, 0x1005],
    ['nibble', 0, 16, 0x0005],
  ] as const) {
    assert.deepEqual(await driver.write(point, value, SOON), ACCEPTED, point)
    assert.match(await witness.line(), new RegExp(`^write ${code} 50 1 ${whole} `), point)
    assert.equal(valueIn(await driver.read('whole', SOON)), whole, point)
    assert.equal(valueIn(await driver.read('masked', SOON)), (whole & 0x0ff0) >> 4, point)
    assert.equal(valueIn(await driver.read('nibble', SOON)), whole >> 12, point)
    assert.equal(valueIn(await driver.read('six', SOON)), whole & 1, point)
  }
  for (const [point, address, code] of [
    ['coil', 5, 15],
    ['single', 6, 5],
  ] as const) {
    for (const value of [1, 0, 1]) {
      assert.deepEqual(await driver.write(point, value, SOON), ACCEPTED, point)
      assert.equal(await witness.line(), `coil ${code} ${address} ${value}`)
      assert.equal(valueIn(await driver.read(point, SOON)), value, point)
    }
  }
  for (const [point, value] of Object.entries({ input: 1, bits: 0x5c, bit: 1, low: 0 }))
    assert.equal(valueIn(await driver.read(point, SOON)), value, point)
})

test('pymodbus shows the bits and fields of its input registers', async () => {
  const { witness, port } = await Witness.pymodbus()
  await using _ = witness
  await using connected = await Connected.to(at(port))
  const driver = connected.driver({
    high: { input_register: 40, bit: 15 },
    low: { input_register: 40, bit: 0 },
    field: { input_register: 40, mask: 0x0ff0 },
    swapped: { input_register: 40, mask: 0x0ff0, byte_order: 'little' },
  })
  for (const [held, high, low, field, swapped] of [
    [0xa5c2, 1, 0, 0x5c, 0x2a],
    [0x7f0d, 0, 1, 0xf0, 0xd7],
  ] as const) {
    await witness.ask({ set: 'uint16', value: held, ...BIG, address: 40 })
    for (const [point, value] of Object.entries({ high, low, field, swapped }))
      assert.equal(valueIn(await driver.read(point, SOON)), value, `${point} of ${held.toString(16)}`)
  }
})

/** What a pulse sets, and what is held before, during and after it. */
const PULSES: Readonly<Record<string, readonly [PointText, value: number, held: readonly [number, number]]>> =
  {
    'a coil': [{ coil: 7 }, 1, [0, 1]],
    'a coil, by function code 15': [{ coil: 7, write_function: 15 }, 1, [0, 1]],
    'a register': [{ holding_register: 7 }, 4711, [0, 4711]],
    'a register, by function code 16': [{ holding_register: 7, write_function: 16 }, 4711, [0, 4711]],
    'a field, by function code 22': [
      { holding_register: 7, mask: 0x0ff0, write_function: 22 },
      0xbc,
      [0xa00a, 0xabca],
    ],
    'a field, by function code 6': [
      { holding_register: 7, mask: 0x0ff0, write_function: 6 },
      0xbc,
      [0xa00a, 0xabca],
    ],
    'a bit, by function code 16': [{ holding_register: 7, bit: 2, write_function: 16 }, 1, [0xa00a, 0xa00e]],
  }

for (const [what, [point, value, [rest, set]]] of Object.entries(PULSES)) {
  test(`pymodbus sees a pulse on ${what}: set for the time that it lasts, and as before when the write is accepted`, async () => {
    const { witness, port } = await Witness.pymodbus()
    await using _ = witness
    const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const sleep: Clock['sleep'] = async (ms, stop) => {
      if (ms !== 100) return systemClock.sleep(ms, stop)
      begun.resolve()
      await over.promise
    }
    await using connected = await Connected.to(at(port), {}, { ...systemClock, sleep })
    const driver = connected.driver({ pulsed: { ...point, pulse: '100ms' } })
    const held = async () =>
      (
        await witness.ask(
          'coil' in point ? { bits: 'coil', address: 7 } : { get: 'uint16', ...BIG, address: 7 },
        )
      ).value
    if (!('coil' in point)) await witness.ask({ set: 'uint16', value: rest, ...BIG, address: 7 })
    const writing = driver.write('pulsed', value, SOON)
    await begun.promise
    const during = await held()
    over.resolve()
    assert.deepEqual(await writing, ACCEPTED)
    assert.deepEqual([during, await held()], [set, rest])
  })
}

for (const [kind, way] of [
  ['tcp', tcpWay],
  ['rtu', rtuOverTcpWay],
] as const) {
  test(`pymodbus has three units behind one connection (${kind}): each is asked for its own, and takes its own`, async () => {
    const { witness, port } = await Witness.pymodbus(kind)
    await using _ = witness
    await using connected = await Connected.to(way({ host: '127.0.0.1', port }), { units: 3, timeout: SOON })
    const drivers = [1, 2, 3].map(unit => ({
      unit,
      driver: connected.driver({ held: { holding_register: 20 }, coil: { coil: 20 } }, { unit }),
    }))
    for (const { unit } of drivers)
      await witness.ask({ set: 'uint16', value: 1000 + unit, ...BIG, address: 20, unit })
    const read = drivers.map(async ({ driver }) => valueIn(await driver.read('held', SOON)))
    assert.deepEqual(await Promise.all(read), [1001, 1002, 1003])
    const written = drivers.map(async ({ unit, driver }) => [
      await driver.write('held', 2000 + unit, SOON),
      await driver.write('coil', unit & 1, SOON),
    ])
    assert.deepEqual(await Promise.all(written), [
      [ACCEPTED, ACCEPTED],
      [ACCEPTED, ACCEPTED],
      [ACCEPTED, ACCEPTED],
    ])
    for (const { unit } of drivers) {
      assert.deepEqual(await witness.ask({ get: 'uint16', ...BIG, address: 20, unit }), {
        value: 2000 + unit,
      })
      assert.deepEqual(await witness.ask({ bits: 'coil', address: 20, unit }), { value: unit & 1 })
    }
    assert.equal(connected.link.connections, 1)
  })
}

test('pymodbus says nothing for a fourth unit: what is asked of that fails, and the others behind the connection go on', async () => {
  const { witness, port } = await Witness.pymodbus()
  await using _ = witness
  await using connected = await Connected.to(at(port), { units: 4 })
  const there = connected.driver({ held: { holding_register: 20 } })
  const absent = connected.driver({ held: { holding_register: 20 } }, { unit: 4 })
  const reason = 'the device did not answer in time'
  assert.deepEqual(await absent.read('held', 300), { kind: 'failed', reason })
  assert.deepEqual(await absent.write('held', 1, 300), { kind: 'unknown', reason })
  assert.deepEqual(await there.write('held', 5, SOON), ACCEPTED)
  for (const [unit, value] of [5, 0, 0].entries())
    assert.deepEqual(await witness.ask({ get: 'uint16', ...BIG, address: 20, unit: unit + 1 }), { value })
  assert.equal(connected.link.connections, 1)
})

/** What is asked of a unit that has a point, and with which function code it sees that. */
const FUNCTIONS: readonly (readonly [PointText, read: number, write: number | undefined, count: number])[] = [
  [{ coil: 60 }, 1, 5, 1],
  [{ coil: 60, write_function: 15 }, 1, 15, 1],
  [{ discrete_input: 60 }, 2, undefined, 1],
  [{ holding_register: 60 }, 3, 6, 1],
  [{ holding_register: 60, write_function: 16 }, 3, 16, 1],
  [{ holding_register: 60, bit: 3, write_function: 22 }, 3, 22, 1],
  [{ holding_register: 60, type: 'float32', word_order: 'big' }, 3, 16, 2],
  [{ holding_register: 60, type: 'uint64', word_order: 'big' }, 3, 16, 4],
  [{ input_register: 60, type: 'int32', word_order: 'big' }, 4, undefined, 2],
]

for (const [kind, way] of [
  ['tcp', tcpWay],
  ['rtu', rtuOverTcpWay],
] as const) {
  test(`pymodbus is asked with the function code that each point says (${kind})`, async () => {
    const { witness, port } = await Witness.pymodbus(kind)
    await using _ = witness
    await using connected = await Connected.to(way({ host: '127.0.0.1', port }), { timeout: SOON })
    for (const [point, read, write, count] of FUNCTIONS) {
      const driver = connected.driver({ point })
      assert.equal(valueIn(await driver.read('point', SOON)), 0)
      if (write !== undefined) {
        assert.deepEqual(await driver.write('point', 1, SOON), ACCEPTED)
        assert.deepEqual(await driver.write('point', 0, SOON), ACCEPTED)
      }
      const { asked } = await witness.ask({ asked: true })
      const codes = write === undefined ? [read] : [read, write, write]
      assert.deepEqual(
        asked,
        codes.map(code => [code, 60, count]),
        JSON.stringify(point),
      )
    }
  })
}
