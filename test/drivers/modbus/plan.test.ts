import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { planReads, type ReadLimits } from '../../../drivers/modbus/plan.ts'
import type { ModbusTable, Span } from '../../../drivers/modbus/point.ts'

const LIMITS: ReadLimits = { registersMax: 10, bitsMax: 16, gap: 0 }

function wish(address: number, count = 1, table: ModbusTable = 'holding-register'): { span: Span } {
  return { span: { table, address, count } }
}

function plan(wishes: { span: Span }[], limits: Partial<ReadLimits> = {}, cuts: string[] = []) {
  return planReads(wishes, { ...LIMITS, ...limits }, new Set(cuts)).map(
    ({ span: { table, address, count } }) => `${table} ${address}+${count}`,
  )
}

test('neighbours become one request, in whatever order they were asked for', () => {
  assert.deepEqual(plan([wish(3), wish(1), wish(2), wish(1)]), ['holding-register 1+3'])
})

test('addresses that nobody asked for are read along only where the device allows it', () => {
  assert.deepEqual(plan([wish(1), wish(4)]), ['holding-register 1+1', 'holding-register 4+1'])
  assert.deepEqual(plan([wish(1), wish(4)], { gap: 1 }), ['holding-register 1+1', 'holding-register 4+1'])
  assert.deepEqual(plan([wish(1), wish(4)], { gap: 2 }), ['holding-register 1+4'])
})

test('a request is never larger than the device takes, and a number is never split', () => {
  const many = Array.from({ length: 6 }, (_, index) => wish(4 * index, 4))
  assert.deepEqual(plan(many), ['holding-register 0+8', 'holding-register 8+8', 'holding-register 16+8'])
  assert.deepEqual(plan([wish(0, 4), wish(4, 4)], { registersMax: 1 }), [
    'holding-register 0+4',
    'holding-register 4+4',
  ])
})

test('tables are never mixed, and bits have a limit of their own', () => {
  const bits = Array.from({ length: 20 }, (_, address) => wish(address, 1, 'coil'))
  assert.deepEqual(plan([wish(5, 1, 'input-register'), wish(4), ...bits]), [
    'coil 0+16',
    'coil 16+4',
    'holding-register 4+1',
    'input-register 5+1',
  ])
})

test('no request goes over a cut', () => {
  assert.deepEqual(plan([wish(1), wish(2), wish(3)], {}, ['holding-register 2']), [
    'holding-register 1+1',
    'holding-register 2+2',
  ])
})

test('every wish is carried by one request that covers it and keeps the limits', () => {
  const wishes = fc.array(fc.tuple(fc.nat(60), fc.constantFrom(1, 2, 4)), { maxLength: 40 })
  fc.assert(
    fc.property(wishes, fc.integer({ min: 4, max: 20 }), fc.nat(5), (texts, registersMax, gap) => {
      const all = texts.map(([address, count]) => wish(address, count))
      const planned = planReads(all, { ...LIMITS, registersMax, gap }, new Set())
      assert.equal(planned.flatMap(({ wishes }) => wishes).length, all.length)
      for (const { span, wishes } of planned) {
        assert.ok(span.count <= registersMax)
        for (const { span: inner } of wishes) {
          assert.ok(inner.address >= span.address)
          assert.ok(inner.address + inner.count <= span.address + span.count)
        }
      }
    }),
    { seed: 7 },
  )
})
