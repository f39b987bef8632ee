import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Moment, RefusalTallies } from '../../../agent/audit/refusals.ts'

const at = (ms: number): Moment => ({ wall: Date.UTC(2026, 0, 1) + ms, monotonic: ms })
const iso = (ms: number) => new Date(at(ms).wall).toISOString()
const FORGED = { code: 'signature-invalid', source: '10.0.0.9', actuator: 'valve-1' }

/** Counts `many` refusals, one each `every` ms from `from` on; says how many were recorded whole. */
function flood(tallies: RefusalTallies, many: number, { from = 0, every = 1, key = FORGED } = {}): number {
  let whole = 0
  for (let index = 0; index < many; index += 1) if (tallies.count(key, at(from + index * every))) whole += 1
  return whole
}

describe('refusals', () => {
  it('are recorded whole while they are few', () => {
    const tallies = new RefusalTallies()
    assert.equal(flood(tallies, 10), 10)
    assert.deepEqual(tallies.ended(60_000), [], 'and a summary of nothing is not written')
  })

  it('of one kind beyond the tenth are one summary, with number, first and last time', () => {
    const tallies = new RefusalTallies()
    assert.equal(flood(tallies, 500), 10)
    assert.deepEqual(tallies.ended(9_999), [], 'not before the period is over')
    assert.deepEqual(tallies.ended(10_000), [
      { kind: 'refusals-summarised', ...FORGED, count: 490, first: iso(10), last: iso(499) },
    ])
    assert.deepEqual(tallies.ended(20_000), [], 'and only once')
  })

  it('are recorded whole again in the next period', () => {
    const tallies = new RefusalTallies()
    flood(tallies, 50)
    tallies.ended(10_000)
    assert.equal(flood(tallies, 50, { from: 10_000 }), 10)
  })

  const differ: [what: string, key: typeof FORGED][] = [
    ['code', { ...FORGED, code: 'replayed' }],
    ['source', { ...FORGED, source: '10.0.0.8' }],
    ['actuator', { ...FORGED, actuator: 'valve-2' }],
  ]
  for (const [what, key] of differ) {
    it(`of another ${what} are counted apart`, () => {
      const tallies = new RefusalTallies()
      flood(tallies, 20)
      assert.equal(flood(tallies, 1, { key }), 1)
    })
  }

  it('of more kinds than are told apart are counted by their code', () => {
    const tallies = new RefusalTallies({ keys: 3, wholePerKey: 1 })
    for (let index = 0; index < 100; index += 1)
      tallies.count({ ...FORGED, source: `10.0.1.${index}` }, at(index))
    assert.deepEqual(tallies.all(), [
      { kind: 'refusals-summarised', code: FORGED.code, count: 96, first: iso(4), last: iso(99) },
    ])
  })

  it('of many kinds at once are recorded whole only as fast as the limit for all', () => {
    const tallies = new RefusalTallies({ wholePerSecond: 20 })
    let whole = 0
    for (let index = 0; index < 200; index += 1)
      if (tallies.count({ code: 'replayed', source: `10.0.0.${index}` }, at(index))) whole += 1
    assert.equal(whole, 20)
    assert.ok(tallies.count({ code: 'replayed', source: '10.9.9.9' }, at(1_000)), 'and again a second later')
  })

  it('do not wait for a clock that was set back', () => {
    const tallies = new RefusalTallies()
    flood(tallies, 20)
    tallies.count(FORGED, { wall: 0, monotonic: 9_000 })
    assert.equal(tallies.ended(10_000).length, 1)
  })

  it('are each recorded or counted, whatever comes', () => {
    const some = fc.array(
      fc.record({
        code: fc.constantFrom('a', 'b', 'c'),
        source: fc.constantFrom('1', '2', '3', '4', '5'),
        step: fc.nat({ max: 3_000 }),
      }),
      { maxLength: 400 },
    )
    fc.assert(
      fc.property(some, refusals => {
        const tallies = new RefusalTallies({ keys: 4, wholePerKey: 2, wholePerSecond: 3 })
        let now = 0
        let seen = 0
        for (const { code, source, step } of refusals) {
          now += step
          if (tallies.count({ code, source }, at(now))) seen += 1
          for (const entry of tallies.ended(now)) seen += Number(entry.count)
        }
        for (const entry of tallies.all()) seen += Number(entry.count)
        assert.equal(seen, refusals.length)
      }),
    )
  })
})
