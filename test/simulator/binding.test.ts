import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Binding, fromCell, toCell } from '../../simulator/binding.ts'

const register = (members: Partial<Binding>): Binding => ({
  table: 'input-register',
  address: 0,
  signal: 'a.b',
  scale: 1,
  offset: 0,
  signed: false,
  initial: 0,
  ...members,
})

describe('a binding', () => {
  it('shows signal × scale + offset, rounded', () => {
    assert.equal(toCell(register({ scale: 1000 }), 1.2345), 1235)
    assert.equal(toCell(register({ scale: 2, offset: 100 }), 5), 110)
  })

  it('shows a value below zero as two’s complement when signed, and saturates at the ends', () => {
    assert.equal(toCell(register({ scale: 10, signed: true }), -0.1), 0xffff)
    assert.equal(toCell(register({ signed: true }), -40_000), 0x8000)
    assert.equal(toCell(register({ signed: true }), 40_000), 0x7fff)
    assert.equal(toCell(register({}), -1), 0)
    assert.equal(toCell(register({}), 70_000), 0xffff)
  })

  it('shows a contact as 0 or 1', () => {
    assert.equal(toCell(register({ table: 'discrete-input' }), 1), 1)
    assert.equal(toCell(register({ table: 'coil' }), 0.2), 0)
  })

  it('reads back what it shows, for every cell value', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.boolean(),
        fc.constantFrom(0.1, 1, 10, 1000, -2),
        fc.integer({ min: -100, max: 100 }),
        (cell, signed, scale, offset) => {
          const binding = register({ signed, scale, offset })
          assert.equal(toCell(binding, fromCell(binding, cell)), cell)
        },
      ),
    )
  })
})
