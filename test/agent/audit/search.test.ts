import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Evidence } from '../../../agent/audit/evidence.ts'
import { MOMENT_FORM, parseMoment } from '../../../agent/audit/moment.ts'
import { stampEntry } from '../../../agent/audit/record.ts'
import { type Search, searchRecords } from '../../../agent/audit/search.ts'
import { AuditStore } from '../../../agent/audit/store.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import { candidate, entry, Folder, START } from './fixture.ts'

const HOUR = 3_600_000

/** What happened, an hour apart; the last but one after somebody set the clock back by ten hours. */
const STORY: readonly (readonly [hours: number, entry: AuditEntry])[] = [
  [0, entry('log-created')],
  [1, entry('credential-issued', { subject: 'alice', issuer: 'erika', credential: 'serial-a' })],
  [2, entry('command-intent', { subject: 'alice', credential: 'serial-a', actuator: 'valve' })],
  [
    3,
    entry('command-outcome', {
      subject: 'alice',
      credential: 'serial-a',
      actuator: 'valve',
      outcome: 'verified',
    }),
  ],
  [
    4,
    entry('command-outcome', {
      subject: 'bob',
      credential: 'serial-b',
      actuator: 'valve',
      outcome: 'mismatch',
    }),
  ],
  [5, entry('refusal', { source: '10.0.0.9', actuator: 'pump', outcome: 'refused' })],
  [-4, entry('revocation', { by: 'erika', subject: 'alice' })],
  [7, entry('trip', { actuator: 'valve' })],
]

function find(search: Search, order: 'oldest-first' | 'newest-first' = 'oldest-first', most = 100): number[] {
  using folder = new Folder()
  const candidates = STORY.map(([hours, entry]) => ({
    stamped: stampEntry(entry, START + hours * HOUR, 0),
    wanted: true,
  }))
  new AuditStore(folder.log, 'boot-1', 'create', undefined).append(0, candidates, true, undefined)
  using evidence = Evidence.open(folder.log)
  return [...searchRecords(evidence.database, search, order, most)].map(({ seq }) => seq)
}

describe('a search of the audit log', () => {
  const searches: [what: string, search: Search, found: number[]][] = [
    ['everything, by the clock', {}, [6, 0, 1, 2, 3, 4, 5, 7]],
    ['who did it: the issuer, not the receiver', { actor: 'erika' }, [6, 1]],
    ['who did it: the sender', { actor: 'alice' }, [2, 3]],
    ['whose credentials were issued or revoked: not what they did', { subject: 'alice' }, [6, 1]],
    ['that of one kind', { subject: 'alice', kind: 'revocation' }, [6]],
    ['that by one issuer', { subject: 'alice', actor: 'erika', since: START }, [1]],
    ['nobody who only did something', { subject: 'bob' }, []],
    ['a credential', { credential: 'serial-a' }, [1, 2, 3]],
    ['an actuator', { actuator: 'valve' }, [2, 3, 4, 7]],
    ['a kind', { kind: 'command-outcome' }, [3, 4]],
    ['an outcome', { outcome: 'refused' }, [5]],
    ['from a moment on', { since: START + 4 * HOUR }, [4, 5, 7]],
    ['before a moment', { until: START + HOUR }, [6, 0]],
    [
      'several at once',
      { actuator: 'valve', outcome: 'mismatch', since: START, until: START + 5 * HOUR },
      [4],
    ],
    ['what nobody did', { actor: 'mallory' }, []],
    ["another's words", { actor: "' OR 1=1 --" }, []],
  ]
  for (const [what, search, found] of searches) {
    it(`finds ${what}`, () => assert.deepEqual(find(search), found))
  }

  it('gives the newest first, and no more than was asked for', () => {
    assert.deepEqual(find({ actuator: 'valve' }, 'newest-first', 2), [7, 4])
    assert.deepEqual(find({}, 'newest-first', 0), [])
  })

  it('finds every record once where there are more than are read at a time, many of them of one moment', () => {
    using folder = new Folder()
    const COUNT = 2500
    {
      using store = new AuditStore(folder.log, 'boot-1', 'create', undefined)
      const all = Array.from({ length: COUNT }, (_, index) => candidate(index % 3))
      store.append(0, all, false, undefined)
    }
    using evidence = Evidence.open(folder.log)
    for (const order of ['oldest-first', 'newest-first'] as const) {
      const found = [...searchRecords(evidence.database, {}, order, COUNT)].map(({ seq }) => seq)
      assert.equal(new Set(found).size, COUNT)
      assert.equal(found.length, COUNT)
    }
    assert.equal([...searchRecords(evidence.database, {}, 'newest-first', 1500)].length, 1500)
  })
})

describe('a moment', () => {
  const now = Date.UTC(2026, 5, 15, 12)
  const moments: [text: string, moment: number | undefined][] = [
    ['2026-01-31T12:00:00Z', Date.UTC(2026, 0, 31, 12)],
    ['2026-01-31T12:00:00.250+02:00', Date.UTC(2026, 0, 31, 10, 0, 0, 250)],
    ['2026-01-31', Date.UTC(2026, 0, 31)],
    ['90m', now - 90 * 60_000],
    ['7d', now - 7 * 24 * HOUR],
    ['2026-01-31T12:00:00', undefined],
    ['2026-02-31', undefined],
    ['yesterday', undefined],
    ['', undefined],
  ]
  for (const [text, moment] of moments) {
    it(`${JSON.stringify(text)} is ${moment === undefined ? 'none' : new Date(moment).toISOString()}`, () => {
      assert.equal(parseMoment(text, now), moment)
    })
  }

  it('says what it takes', () => assert.match(MOMENT_FORM, /2026-01-31T12:00:00Z.*24h/))
})
