import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import fc from 'fast-check'
import { HourCount } from '../../../agent/alarms/hour.ts'
import { gradeAbove, gradeBelow } from '../../../agent/alarms/threshold.ts'
import { Traffic } from '../../../agent/alarms/traffic.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'

const MINUTE = 60_000
const FORGED = { failsAuthentication: true, wasCounted: false }
const REFUSED = { failsAuthentication: false, wasCounted: true }

test('an hour counts what a list of all times counts, to the minute', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 20 * MINUTE }), { maxLength: 60 })
  fc.assert(
    fc.property(steps, pauses => {
      const hour = new HourCount()
      const all: number[] = []
      let now = 0
      for (const pause of pauses) {
        now += pause
        hour.add(now)
        all.push(now)
        const minute = Math.floor(now / MINUTE)
        assert.equal(hour.total(now), all.filter(at => minute - Math.floor(at / MINUTE) < 60).length)
      }
      assert.equal(hour.total(now + 61 * MINUTE), 0)
    }),
  )
})

describe('a threshold', () => {
  const above: [value: number, grade: string | undefined][] = [
    [10, undefined],
    [11, 'warning'],
    [50, 'warning'],
    [51, 'critical'],
  ]
  for (const [value, grade] of above)
    it(`of 10 and 50 grades ${value} ${grade}`, () =>
      assert.equal(gradeAbove(value, { warn: 10, critical: 50 }), grade))
  const below: [value: number, grade: string | undefined][] = [
    [10, undefined],
    [9.9, 'warning'],
    [5, 'warning'],
    [4.9, 'critical'],
  ]
  for (const [value, grade] of below)
    it(`of at least 10 and 5 grades ${value} ${grade}`, () =>
      assert.equal(gradeBelow(value, { warn: 10, critical: 5 }), grade))
})

const grades = (findings: readonly { severity: string }[]) => findings.map(({ severity }) => severity).join()

test('more than 10 failed authentications in an hour warn, more than 50 are critical, and an hour later they are over', async () => {
  const clock = new VirtualClock()
  const traffic = new Traffic(clock)
  const limits = { warn: 10, critical: 50 }
  const seen: string[] = []
  for (let count = 1; count <= 51; count += 1) {
    traffic.refused(FORGED)
    seen.push(grades(traffic.failedAuthentications(limits)))
  }
  assert.deepEqual([seen[9], seen[10], seen[49], seen[50]], ['', 'warning', 'warning', 'critical'])
  await clock.advance(60 * MINUTE)
  assert.deepEqual(traffic.failedAuthentications(limits), [])
})

describe('the share of refusals', () => {
  const rows: [what: string, used: number, refused: number, grade: string][] = [
    ['of few requests says nothing', 19, 19, ''],
    ['at 5 % is good', 100, 5, ''],
    ['above 5 % warns', 100, 6, 'warning'],
    ['above 10 % is critical', 100, 11, 'critical'],
  ]
  for (const [what, used, refused, grade] of rows) {
    it(what, () => {
      const traffic = new Traffic(new VirtualClock())
      for (let count = 0; count < used; count += 1) traffic.used('c1', 'alice')
      for (let count = 0; count < refused; count += 1) traffic.refused(REFUSED)
      assert.equal(grades(traffic.refusals({ warn: 5, critical: 10 })), grade)
    })
  }
})

test('a refusal of a request that was never found right is a request too', () => {
  const traffic = new Traffic(new VirtualClock())
  for (let count = 0; count < 20; count += 1) traffic.refused(FORGED)
  assert.match(
    traffic.refusals({ warn: 5, critical: 10 })[0]?.detail ?? '',
    /^20 of the last hour's 20 requests/,
  )
})

test('a screen that reads all day hides no refusals, and one that reads too fast is named all the same', () => {
  const traffic = new Traffic(new VirtualClock())
  for (let count = 0; count < 1800; count += 1) traffic.used('c1', 'alice', true)
  for (let count = 0; count < 20; count += 1) traffic.used('c2', 'bob')
  for (let count = 0; count < 3; count += 1) traffic.refused(REFUSED)
  assert.equal(grades(traffic.refusals({ warn: 5, critical: 20 })), 'warning')
  assert.match(
    traffic.perCredential({ warn: 300, critical: 1200 })[0]?.detail ?? '',
    /^alice's .* 1800 times/,
  )
})

test('a credential that is used too often in a minute is named, and no other; it is over two minutes after', async () => {
  const clock = new VirtualClock()
  const traffic = new Traffic(clock)
  const limits = { warn: 300, critical: 1200 }
  for (let count = 0; count < 301; count += 1) traffic.used('c1', 'alice')
  traffic.used('c2', 'bob')
  const [finding, ...others] = traffic.perCredential(limits)
  assert.deepEqual(finding, {
    severity: 'warning',
    detail: "alice's credential c1 was used 301 times in a minute",
    about: { credential: 'c1' },
  })
  assert.deepEqual(others, [])
  await clock.advance(MINUTE)
  assert.equal(traffic.perCredential(limits).length, 1)
  await clock.advance(MINUTE)
  assert.deepEqual(traffic.perCredential(limits), [])
})
