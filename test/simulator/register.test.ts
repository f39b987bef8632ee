import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  endsOf,
  fromRegisters,
  isWhole,
  type Order,
  type RegisterType,
  toRegisters,
  WIDTHS,
} from '../../simulator/register.ts'

const TYPES = Object.keys(WIDTHS) as RegisterType[]
const format = (type: RegisterType, wordOrder: Order = 'big', byteOrder: Order = 'big') => ({
  type,
  byteOrder,
  wordOrder,
})

describe('a number in registers', () => {
  it('stands in the four orders that manuals call ABCD, CDAB, BADC and DCBA', () => {
    // IEEE 754 single of 123.456 is 0x42F6E979.
    const rows: [words: Order, bytes: Order, registers: number[]][] = [
      ['big', 'big', [0x42f6, 0xe979]],
      ['little', 'big', [0xe979, 0x42f6]],
      ['big', 'little', [0xf642, 0x79e9]],
      ['little', 'little', [0x79e9, 0xf642]],
    ]
    for (const [words, bytes, registers] of rows) {
      assert.deepEqual(toRegisters(format('float32', words, bytes), 123.456), registers)
      assert.equal(
        fromRegisters(format('float32', words, bytes), registers),
        Math.fround(123.456),
        `${words} ${bytes}`,
      )
    }
  })

  it('of each type has its own bits', () => {
    const rows: [type: RegisterType, number: number, registers: number[]][] = [
      ['int16', -2, [0xfffe]],
      ['uint16', 0xfffe, [0xfffe]],
      ['int32', -2, [0xffff, 0xfffe]],
      ['uint32', 0xdead_beef, [0xdead, 0xbeef]],
      ['int64', -2, [0xffff, 0xffff, 0xffff, 0xfffe]],
      ['uint64', 0x1_0002_0003_0004, [1, 2, 3, 4]],
      ['float32', -1.5, [0xbfc0, 0]],
      ['float64', 1, [0x3ff0, 0, 0, 0]],
      ['float64', 0.1, [0x3fb9, 0x9999, 0x9999, 0x999a]],
    ]
    for (const [type, number, registers] of rows) {
      assert.deepEqual(toRegisters(format(type), number), registers, type)
      assert.deepEqual(toRegisters(format(type, 'little'), number), registers.toReversed(), type)
      assert.equal(fromRegisters(format(type), registers), number, type)
    }
  })

  it('saturates at the ends of its type', () => {
    const rows: [type: RegisterType, low: number[], high: number[]][] = [
      ['int16', [0x8000], [0x7fff]],
      ['uint16', [0], [0xffff]],
      ['int32', [0x8000, 0], [0x7fff, 0xffff]],
      ['uint32', [0, 0], [0xffff, 0xffff]],
      ['int64', [0x8000, 0, 0, 0], [0x7fff, 0xffff, 0xffff, 0xffff]],
      ['uint64', [0, 0, 0, 0], [0xffff, 0xffff, 0xffff, 0xffff]],
      ['float32', [0xff7f, 0xffff], [0x7f7f, 0xffff]],
      ['float64', [0xffef, 0xffff, 0xffff, 0xffff], [0x7fef, 0xffff, 0xffff, 0xffff]],
    ]
    for (const [type, low, high] of rows) {
      assert.deepEqual(toRegisters(format(type), Number.NEGATIVE_INFINITY), low, type)
      assert.deepEqual(toRegisters(format(type), Number.POSITIVE_INFINITY), high, type)
    }
  })

  it('is read back as it was written, in every type and order', () => {
    const order = fc.constantFrom<Order>('big', 'little')
    fc.assert(
      fc.property(
        fc.constantFrom(...TYPES),
        order,
        order,
        fc.double({ noNaN: true }),
        (type, words, bytes, any) => {
          const { least, most } = endsOf(type)
          const number = Math.min(Math.max(any, least), most)
          const whole = Math.min(
            Math.max(Math.round(number), Number.MIN_SAFE_INTEGER),
            Number.MAX_SAFE_INTEGER,
          )
          const held = isWhole(type) ? whole : type === 'float32' ? Math.fround(number) : number
          const registers = toRegisters(format(type, words, bytes), held)
          assert.equal(registers.length, WIDTHS[type])
          assert.ok(
            registers.every(register => Number.isInteger(register) && register >= 0 && register <= 0xffff),
          )
          // 0 and −0 are the same whole number.
          assert.equal(fromRegisters(format(type, words, bytes), registers) + 0, held + 0)
        },
      ),
      { numRuns: 1000, seed: 20_261_122 },
    )
  })

  it('may be no number at all, of a float', () => {
    assert.ok(Number.isNaN(fromRegisters(format('float32'), [0x7fc0, 0])))
    assert.equal(fromRegisters(format('float32'), [0xff80, 0]), Number.NEGATIVE_INFINITY)
  })
})
