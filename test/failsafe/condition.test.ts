import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Condition, describeCondition, feedbackOf, inputOf, judge } from '../../failsafe/condition.ts'
import type { Reading } from '../../failsafe/monitor.ts'

const below: Condition = { kind: 'below', reading: 'tank-level', limit: 2650, unit: 'mm' }
const above: Condition = { kind: 'above', reading: 'pressure', limit: 1.5, unit: '' }
const on: Condition = { kind: 'is', actuator: 'pump', setpoint: 'on', feedback: 1, tolerance: 0.2 }
const good = (value: number): Reading => ({ quality: 'good', value, age: 0 })

for (const [condition, value, expected] of [
  [below, 2649.9, 'holds'],
  [below, 2650, 'tank-level must be below 2650 mm, and it is 2650 mm'],
  [below, 3000, 'tank-level must be below 2650 mm, and it is 3000 mm'],
  [above, 1.6, 'holds'],
  [above, 1.5, 'pressure must be above 1.5, and it is 1.5'],
  [on, 1, 'holds'],
  [on, 0.9, 'holds'],
  [on, 0.5, 'pump must be on, and its feedback shows 0.5'],
] as const) {
  test(`${describeCondition(condition)}, and it is ${value}: ${expected === 'holds' ? 'it holds' : 'it does not'}`, () => {
    const verdict = judge(condition, good(value))
    if (expected === 'holds') assert.deepEqual(verdict, { kind: 'holds' })
    else assert.match(verdict.kind === 'violated' ? verdict.detail : '', new RegExp(`^${expected}`))
  })
}

test('of what cannot be read nothing is assumed, whatever it was before', () => {
  for (const condition of [below, above, on]) {
    const verdict = judge(condition, { quality: 'bad', detail: 'no cable', value: 1 })
    assert.equal(verdict.kind, 'unknown')
    assert.match(verdict.kind === 'unknown' ? verdict.detail : '', /is of bad quality: no cable$/)
  }
})

test('a condition says which point it looks at', () => {
  assert.equal(inputOf(below), 'tank-level')
  assert.equal(inputOf(on), feedbackOf('pump'))
})
