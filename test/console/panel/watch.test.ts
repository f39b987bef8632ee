import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Answer } from '../../../console/panel/agent-link.ts'
import {
  ageOf,
  heard,
  isEnd,
  type Moment,
  OLD_AFTER,
  PUT_AWAY_BEFORE,
  passed,
  type SignedIn,
  staleness,
  type Watch,
} from '../../../console/panel/watch.ts'
import { HOLDER } from './holder.ts'

const NOON = Date.parse('2026-01-31T12:00:00Z')
const at = (ms: number): Moment => ({ wall: NOON + ms, monotonic: 5000 + ms })
const SIGNED_IN: Watch = { kind: 'signed-in', holder: { ...HOLDER, until: NOON + 60_000 } }

function answered(time = NOON): Answer {
  return { kind: 'answered', body: { time: new Date(time).toISOString() } }
}
function problem(status: number, code: string): Answer {
  const detail = `because of ${code}`
  return { kind: 'problem', status, problem: { type: `urn:${code}`, title: 'No', status, detail, code } }
}
const SILENT: Answer = { kind: 'unreachable', detail: 'no connection to the agent' }

function signedIn(watch: Watch): SignedIn {
  assert.equal(watch.kind, 'signed-in')
  return watch as SignedIn
}

describe('after an answer to the asking for a status', () => {
  const rows: [what: string, answer: Answer, ends: boolean][] = [
    ['a status', answered(), false],
    ['no answer', SILENT, false],
    ['a rate that was exceeded', problem(429, 'rate-exceeded'), false],
    ['a master key that is not available', problem(503, 'master-key-unavailable'), false],
    ['a request that the browser sent twice', problem(409, 'replayed'), false],
    ['a credential that has ended', problem(401, 'key-expired'), true],
    ['a clock that is wrong', problem(401, 'clock-skewed'), true],
    ['a signature that is wrong', problem(403, 'signature-invalid'), true],
    ['a credential of another gateway', problem(403, 'wrong-gateway'), true],
    ['a credential that was revoked', problem(403, 'revoked'), true],
    ['a role that may not read', problem(403, 'role-denied'), true],
  ]
  for (const [what, answer, ends] of rows)
    test(`${what}: the page ${ends ? 'asks no more, and says why' : 'goes on asking'}`, () => {
      const watch = heard(SIGNED_IN, answer, at(0))
      assert.equal(watch.kind, ends ? 'signed-out' : 'signed-in')
      if (watch.kind === 'signed-out') assert.match(watch.said ?? '', /^You were signed out: because of /)
    })

  test('an answer that comes after signing out signs nobody in again', () => {
    assert.deepEqual(heard({ kind: 'signed-out' }, answered(), at(0)), { kind: 'signed-out' })
  })
})

test('what a deed is refused for ends being signed in only where the credential is worth nothing here', () => {
  assert.equal(isEnd(problem(403, 'revoked')), true)
  assert.equal(isEnd(problem(401, 'key-expired')), true)
  for (const code of ['role-denied', 'scope-denied', 'identity-suspended'])
    assert.equal(isEnd(problem(403, code)), false)
  assert.equal(isEnd(problem(409, 'not-acknowledged')), false)
  assert.equal(isEnd(SILENT), false)
})

describe('what is shown', () => {
  const known = signedIn(heard(SIGNED_IN, answered(), at(0)))

  test('is live while the agent answers, and old at once when it does not', () => {
    assert.equal(staleness(known, at(1000)), undefined)
    const silent = signedIn(heard(known, SILENT, at(2000)))
    assert.equal(staleness(silent, at(2000)), 'no connection to the agent')
    assert.equal(ageOf(silent, at(2000)), 2000)
    assert.equal(staleness(signedIn(heard(silent, answered(), at(4000))), at(4000)), undefined)
  })

  test('is old after its time, though nothing has failed', () => {
    assert.equal(staleness(known, at(OLD_AFTER)), undefined)
    assert.equal(staleness(known, at(OLD_AFTER + 1)), 'no answer in time')
  })

  test('gets older while the computer sleeps and only the wall clock goes on, and when that is set back', () => {
    const { wall, monotonic } = at(0)
    assert.equal(ageOf(known, { wall: wall + 3_600_000, monotonic: monotonic + 10 }), 3_600_000)
    assert.equal(ageOf(known, { wall: wall - 3_600_000, monotonic: monotonic + 7000 }), 7000)
  })
})

describe('at its end', () => {
  test('a credential is not used once more: the page signs out by itself', () => {
    const last = 60_000 - PUT_AWAY_BEFORE
    assert.equal(passed(SIGNED_IN, at(last - 1)).kind, 'signed-in')
    const out = passed(SIGNED_IN, at(last))
    assert.equal(out.kind === 'signed-out' && out.said?.includes('ends at 2026-01-31T12:01:00.000Z'), true)
  })

  test("that is by the agent's clock, once it has told: this computer's may be minutes wrong", () => {
    const ahead = heard(SIGNED_IN, answered(NOON - 120_000), at(0))
    assert.equal(passed(ahead, at(60_000)).kind, 'signed-in')
    assert.equal(passed(ahead, at(180_000)).kind, 'signed-out')
    const behind = heard(SIGNED_IN, answered(NOON + 50_000), at(0))
    assert.equal(passed(behind, at(10_000)).kind, 'signed-out')
  })
})
