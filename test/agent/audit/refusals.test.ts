import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Moment,
  type RefusalKey,
  RefusalTallies,
  SIGNED,
  UNSIGNED,
} from '../../../agent/audit/refusals.ts'
import type { AuditEntry } from '../../../model/audit.ts'

const at = (ms: number): Moment => ({ wall: Date.UTC(2026, 0, 1) + ms, monotonic: ms })
const iso = (ms: number) => new Date(at(ms).wall).toISOString()
const FORGED: RefusalKey = { code: 'signature-invalid', source: '10.0.0.9', actuator: 'valve-1' }

/** Counts `many` refusals, one each `every` ms from `from` on; says how many were recorded whole. */
function flood(tallies: RefusalTallies, many: number, { from = 0, every = 1, key = FORGED } = {}): number {
  let whole = 0
  for (let index = 0; index < many; index += 1) if (tallies.count(key, at(from + index * every))) whole += 1
  return whole
}

describe('refusals', () => {
  it('are recorded whole while they are few', () => {
    const tallies = new RefusalTallies(UNSIGNED)
    assert.equal(flood(tallies, 10), 10)
    assert.deepEqual(tallies.ended(60_000), [], 'and a summary of nothing is not written')
  })

  it('of one kind beyond the tenth are one summary, with number, first and last time', () => {
    const tallies = new RefusalTallies(UNSIGNED)
    assert.equal(flood(tallies, 500), 10)
    assert.deepEqual(tallies.ended(9_999), [], 'not before the period is over')
    assert.deepEqual(tallies.ended(10_000), [
      { kind: 'refusals-summarised', ...FORGED, count: 490, first: iso(10), last: iso(499) },
    ])
    assert.deepEqual(tallies.ended(20_000), [], 'and only once')
  })

  it('that go on are recorded whole ever less often, and counted together ever longer; after a quiet period they begin anew', () => {
    const tallies = new RefusalTallies(UNSIGNED)
    const told: [whole: number, after: number][] = []
    let from = 0
    for (const period of [10_000, 20_000, 40_000, 80_000, 160_000]) {
      const whole = flood(tallies, 50, { from })
      assert.deepEqual(tallies.ended(from + period - 1), [])
      from += period
      told.push([whole, Number(tallies.ended(from)[0]?.count)])
    }
    assert.deepEqual(told, [
      [10, 40],
      [5, 45],
      [2, 48],
      [1, 49],
      [1, 49],
    ])
    tallies.ended(from + 320_000)
    assert.equal(flood(tallies, 50, { from: from + 320_000 }), 10)
  })

  it('that somebody signed are recorded whole as often in each period', () => {
    const tallies = new RefusalTallies(SIGNED)
    for (let from = 0; from < 3_600_000; from += 10_000) {
      assert.equal(flood(tallies, 50, { from }), 10)
      assert.equal(tallies.ended(from + 10_000)[0]?.count, 40)
    }
  })

  const differ: [what: string, key: RefusalKey][] = [
    ['code', { ...FORGED, code: 'replayed' }],
    ['source', { ...FORGED, source: '10.0.0.8' }],
    ['subject', { code: FORGED.code, subject: '10.0.0.9', actuator: 'valve-1' }],
    ['actuator', { ...FORGED, actuator: 'valve-2' }],
  ]
  for (const [what, key] of differ) {
    it(`of another ${what} are counted apart`, () => {
      const tallies = new RefusalTallies(UNSIGNED)
      flood(tallies, 20)
      assert.equal(flood(tallies, 1, { key }), 1)
    })
  }

  it('of more kinds than are told apart are counted by their code', () => {
    const tallies = new RefusalTallies({ ...UNSIGNED, keys: 3, wholePerKey: 1 })
    for (let index = 0; index < 100; index += 1)
      tallies.count({ ...FORGED, source: `10.0.1.${index}` }, at(index))
    assert.deepEqual(tallies.all(), [
      { kind: 'refusals-summarised', code: FORGED.code, count: 96, first: iso(4), last: iso(99) },
    ])
  })

  it('of many kinds leave half of the budget to the first of each kind', () => {
    const tallies = new RefusalTallies({ ...UNSIGNED, keys: 10_000 })
    // 100 sources that send without end, and one of them after the other.
    for (let index = 0; index < 100; index += 1)
      flood(tallies, 20, { key: { ...FORGED, source: `10.0.1.${index}` }, every: 0 })
    for (let index = 0; index < 100; index += 1)
      assert.ok(tallies.count({ ...FORGED, source: `10.0.2.${index}` }, at(0)), `10.0.2.${index}`)
  })

  /** What somebody sends who wants the log to grow: the refusals of one second. */
  const floods: [what: string, send: (second: number) => RefusalKey[]][] = [
    [
      'one source, three codes, 18 a second',
      () => Array.from({ length: 18 }, (_, i) => ({ ...FORGED, code: `code-${i % 3}` })),
    ],
    [
      'a new source for each of 2 a second',
      second => Array.from({ length: 2 }, (_, i) => ({ ...FORGED, source: `${second} ${i}` })),
    ],
    [
      '200 sources, as slowly as is still told apart',
      second => Array.from({ length: 20 }, (_, i) => ({ ...FORGED, source: `${second % 10} ${i}` })),
    ],
    [
      'all codes in turn, from 300 sources, each quiet long enough to be forgotten',
      second => [{ ...FORGED, code: `code-${second % 20}`, source: `${Math.floor(second / 21) % 300}` }],
    ],
  ]
  for (const [what, send] of floods) {
    it(`make at most 8000 records in a day, and lose none: ${what}`, () => {
      const tallies = new RefusalTallies(UNSIGNED)
      let [sent, whole, summaries, counted] = [0, 0, 0, 0]
      const take = (entries: readonly AuditEntry[]) => {
        summaries += entries.length
        for (const { count } of entries) counted += Number(count)
      }
      for (let second = 0; second < 86_400; second += 1) {
        for (const key of send(second)) {
          sent += 1
          if (tallies.count(key, at(second * 1000))) whole += 1
        }
        take(tallies.ended(second * 1000))
      }
      take(tallies.all())
      assert.equal(whole + counted, sent)
      assert.ok(whole + summaries <= 8000, `${whole} whole, ${summaries} summaries`)
    })
  }

  it('do not wait for a clock that was set back', () => {
    const tallies = new RefusalTallies(UNSIGNED)
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
      fc.property(some, fc.constantFrom(SIGNED, UNSIGNED), (refusals, limits) => {
        const tallies = new RefusalTallies({ ...limits, keys: 4, wholePerKey: 2, burst: 3 })
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
