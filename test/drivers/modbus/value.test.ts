import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NumberPoint } from '../../../drivers/modbus/point.ts'
import { decodeNumber, encodeNumber, fits, stepOf } from '../../../drivers/modbus/value.ts'
import { type PointText, pointFrom } from './connected.ts'

function register(text: Omit<PointText, 'holding_register'>): NumberPoint {
  return pointFrom({ holding_register: 0, ...text }) as NumberPoint
}

const BIG = { word_order: 'big' } as const

/** What stands on the wire for a value, worked out by hand. */
const ON_THE_WIRE: readonly (readonly [
  text: Omit<PointText, 'holding_register'>,
  value: number,
  wire: string,
])[] = [
  [{}, 0xabcd, 'abcd'],
  [{ type: 'int16' }, -2, 'fffe'],
  [{ type: 'int16', byte_order: 'little' }, -2, 'feff'],
  [{ type: 'uint32', ...BIG }, 0x01020304, '01020304'],
  [{ type: 'uint32', word_order: 'little' }, 0x01020304, '03040102'],
  [{ type: 'uint32', ...BIG, byte_order: 'little' }, 0x01020304, '02010403'],
  [{ type: 'uint32', word_order: 'little', byte_order: 'little' }, 0x01020304, '04030201'],
  [{ type: 'int32', ...BIG }, -2_147_483_648, '80000000'],
  [{ type: 'int64', ...BIG }, -1, 'ffffffffffffffff'],
  [{ type: 'uint64', word_order: 'little' }, 0x0001_0002_0003_0004, '0004000300020001'],
  [{ type: 'uint64', ...BIG }, Number.MAX_SAFE_INTEGER, '001fffffffffffff'],
  [{ type: 'float32', ...BIG }, 0.1, '3dcccccd'],
  [{ type: 'float32', word_order: 'little' }, -1.5, '0000bfc0'],
  [{ type: 'float64', ...BIG }, 0.1, '3fb999999999999a'],
  [{ type: 'int16', scale: 0.1 }, 20.3, '00cb'],
  [{ type: 'int16', scale: 0.1, offset: -40 }, -39.9, '0001'],
  [{ type: 'uint16', scale: -1, offset: 100 }, 30, '0046'],
  [{ type: 'float32', ...BIG, scale: 100 }, 50, '3f000000'],
  [{ bit: 15 }, 1, '8000'],
  [{ mask: 0x00f0 }, 10, '00a0'],
  [{ mask: 0x00f0, byte_order: 'little' }, 10, 'a000'],
]

for (const [text, value, wire] of ON_THE_WIRE) {
  test(`${value} of ${JSON.stringify(text)} is ${wire} on the wire, and back`, () => {
    const point = register(text)
    assert.equal(encodeNumber(point, value)?.toString('hex'), wire)
    assert.deepEqual(decodeNumber(point, Buffer.from(wire, 'hex')), { value })
  })
}

test('a scaled point takes the nearest step, and a half goes away from zero', () => {
  const tenths = register({ type: 'int16', scale: 0.1 })
  for (const [value, raw] of [
    [1.24, 12],
    [1.25, 13],
    [0.15, 2],
    [-0.15, -2],
    [-1.25, -13],
    [-1.24, -12],
  ] as const) {
    assert.equal(encodeNumber(tenths, value)?.readInt16BE(), raw, String(value))
  }
})

test('what a point cannot hold is not written as something else', () => {
  for (const [text, values] of [
    [{}, [-1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY]],
    [{ type: 'int16' }, [-32_769, 32_768]],
    [{ type: 'int16', scale: 0.1 }, [3276.8, -3276.9]],
    [{ type: 'uint32', ...BIG }, [-1, 2 ** 32]],
    [{ type: 'int64', ...BIG }, [2 ** 53, -(2 ** 53), 0.5]],
    [{ type: 'uint64', ...BIG }, [-1, 2 ** 53]],
    [{ type: 'float32', ...BIG }, [1e39, Number.NaN]],
    [{ bit: 3 }, [2, -1]],
    [{ mask: 0x0070 }, [8]],
  ] as const) {
    for (const value of values)
      assert.equal(fits(register(text), value), false, `${value} in ${JSON.stringify(text)}`)
  }
})

test('a whole number beyond 2^53 is not told rounded, and says what it is', () => {
  for (const [type, wire, said] of [
    ['int64', '0020000000000001', /9007199254740993.*beyond 2\^53/],
    ['int64', 'ffdfffffffffffff', /-9007199254740993/],
    ['uint64', 'ffffffffffffffff', /18446744073709551615/],
  ] as const) {
    const decoded = decodeNumber(register({ type, ...BIG }), Buffer.from(wire, 'hex'))
    assert.match('unclear' in decoded ? decoded.unclear : '', said)
  }
})

test('a float that is no number is no value', () => {
  for (const wire of ['7fc00000', '7f800000', 'ff800000']) {
    assert.ok('unclear' in decodeNumber(register({ type: 'float32', ...BIG }), Buffer.from(wire, 'hex')))
  }
})

test('whatever a point can hold comes back as it was written', () => {
  const type = fc.constantFrom('int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64')
  const order = fc.constantFrom('big', 'little')
  fc.assert(
    fc.property(
      type,
      order,
      order,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (type, bytes, words, any) => {
        const isWide = !type.endsWith('16')
        const point = register({ type, byte_order: bytes, ...(isWide ? { word_order: words } : {}) })
        const value = type === 'float64' ? any : type === 'float32' ? Math.fround(any) : Math.trunc(any)
        const wire = encodeNumber(point, value)
        if (!wire) return
        const back = decodeNumber(point, wire)
        const found = 'value' in back ? back.value : Number.NaN
        assert.equal(type === 'float32' ? Math.fround(found) : found + 0, value + 0)
      },
    ),
    { seed: 42 },
  )
})

test('a reading of a scaled point is the decimal number that a person expects', () => {
  const tenths = register({ type: 'uint16', scale: 0.1 })
  assert.deepEqual(decodeNumber(tenths, Buffer.from([0, 3])), { value: 0.3 })
  assert.equal(stepOf(tenths), 0.1)
})
