import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Binding, fromCells, rangeOf, toCells } from '../../simulator/binding.ts'

const register = (members: Partial<Binding>): Binding => ({
  table: 'input-register',
  address: 0,
  signal: 'a.b',
  type: 'uint16',
  byteOrder: 'big',
  wordOrder: 'big',
  scale: 1,
  offset: 0,
  initial: 0,
  ...members,
})

describe('a binding', () => {
  it('shows signal × scale + offset, rounded', () => {
    assert.deepEqual(toCells(register({ scale: 1000 }), 1.2345), [1235])
    assert.deepEqual(toCells(register({ scale: 2, offset: 100 }), 5), [110])
    assert.deepEqual(toCells(register({ type: 'int32', scale: 1000 }), -1.2345), [0xffff, -1234 & 0xffff])
    assert.deepEqual(toCells(register({ type: 'float32', scale: 100 }), 0.005), [0x3f00, 0])
  })

  it('shows a value below zero as two’s complement where its type is signed, and saturates at the ends', () => {
    assert.deepEqual(toCells(register({ scale: 10, type: 'int16' }), -0.1), [0xffff])
    assert.deepEqual(toCells(register({ type: 'int16' }), -40_000), [0x8000])
    assert.deepEqual(toCells(register({ type: 'int16' }), 40_000), [0x7fff])
    assert.deepEqual(toCells(register({}), -1), [0])
    assert.deepEqual(toCells(register({}), 70_000), [0xffff])
  })

  it('shows a contact as 0 or 1', () => {
    assert.deepEqual(toCells(register({ table: 'discrete-input' }), 1), [1])
    assert.deepEqual(toCells(register({ table: 'coil' }), 0.2), [0])
  })

  it('reads back what it shows, for every register', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.constantFrom('int16', 'uint16'),
        fc.constantFrom(0.1, 1, 10, 1000, -2),
        fc.integer({ min: -100, max: 100 }),
        (cell, type, scale, offset) => {
          const binding = register({ type, scale, offset })
          assert.deepEqual(toCells(binding, fromCells(binding, [cell])), [cell])
        },
      ),
    )
  })

  it('has the range of its type, in the signal’s unit', () => {
    assert.deepEqual(rangeOf(register({ type: 'int16', scale: 10 })), { low: -3276.8, high: 3276.7 })
    assert.deepEqual(rangeOf(register({ scale: -1, offset: 5 })), { low: -65_530, high: 5 })
    assert.deepEqual(rangeOf(register({ table: 'coil' })), { low: 0, high: 1 })
    const { low, high } = rangeOf(register({ type: 'float64', scale: 0.001 }))
    assert.deepEqual([low, high], [-Number.MAX_VALUE, Number.MAX_VALUE])
  })
})
