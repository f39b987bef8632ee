import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Repetition, repeat } from '../../model/repetition.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** The moments of these at which somebody hears of it. */
function told(moments: readonly number[]): number[] {
  let before: Repetition | undefined
  return moments.filter(now => {
    const { isDue, after } = repeat(before, now)
    before = after
    return isDue
  })
}

const every = (step: number, until: number) =>
  Array.from({ length: Math.floor(until / step) }, (_, index) => index * step)

test('what goes on is told at once, and then after one minute, two, four, up to two hours', () => {
  const minutes = told(every(1000, DAY)).map(now => now / MINUTE)
  assert.deepEqual(minutes.slice(0, 9), [0, 1, 3, 7, 15, 31, 63, 127, 247])
  assert.equal(minutes.length, 18)
})

test('what was quiet for two hours is new; what was quiet for less goes on', () => {
  const quiet = 120 * MINUTE
  assert.deepEqual(told([0, quiet - 1, 2 * quiet - 1]), [0, quiet - 1, 2 * quiet - 1])
  assert.deepEqual(told([0, MINUTE, MINUTE + quiet, MINUTE + quiet + MINUTE]).length, 4)
  assert.deepEqual(told([0, MINUTE, 2 * MINUTE, 62 * MINUTE, 63 * MINUTE]).length, 3)
})

test('however it is timed, nobody hears of it more than sixty times a day', () => {
  const gaps = fc.array(fc.oneof(fc.integer({ min: 1, max: 130 }), fc.constantFrom(1, 2, 4, 8, 120)), {
    minLength: 50,
    maxLength: 400,
  })
  fc.assert(
    fc.property(gaps, minutes => {
      let now = 0
      const moments = minutes.map(gap => (now += gap * MINUTE)).filter(at => at <= DAY)
      assert.ok(told(moments).length <= 60)
    }),
  )
})
