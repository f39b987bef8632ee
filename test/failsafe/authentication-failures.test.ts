import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AuthenticationFailures, type Failure } from '../../failsafe/authentication-failures.ts'
import { addFailure, type Bucket, leak } from '../../failsafe/evidence.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const LIMITS = { limit: 5, warn: 3, leakEvery: 60_000 }
const lan = { name: 'lan', unattributed: 'count' } as const
const alarmOnly = { name: 'lan', unattributed: 'alarm' } as const
const socket = { name: 'socket', identity: 'local operators', unattributed: 'count' } as const

function failure(of: Partial<Failure> = {}): Failure {
  return { actuator: 'valve', suspicion: 'forged', channel: lan, source: '10.0.0.1', ...of }
}

/** Class of evidence, channel, and whether five of it trip: the table of the design. */
for (const [what, of, trips, attributed] of [
  ['forged, by nobody known, where the engineer chose count', {}, true, false],
  ['forged, by nobody known, where the engineer chose alarm', { channel: alarmOnly }, false, false],
  ['forged, over a channel that knows who it is', { channel: socket }, true, true],
  [
    'a right signature that its scope denies',
    { suspicion: 'denied', subject: 'alice', channel: alarmOnly },
    true,
    true,
  ],
  ['a right signature, replayed or out of date', { suspicion: 'stale', subject: 'alice' }, false, false],
  ['a mistake that says nothing of intent', { suspicion: 'none', subject: 'alice' }, false, false],
] as const) {
  test(`five times ${what}: ${trips ? 'trips' : 'moves nothing'}`, () => {
    const failures = new AuthenticationFailures(LIMITS, new VirtualClock())
    const verdicts = Array.from({ length: 5 }, () => failures.observe(failure(of)))
    const kinds = verdicts.map(({ kind }) => kind)
    assert.deepEqual(
      kinds,
      trips ? ['counted', 'counted', 'warning', 'counted', 'trip'] : Array(5).fill('not-counted'),
    )
    const last = verdicts.at(-1)
    if (last?.kind === 'trip') assert.equal(last.attributed, attributed)
  })
}

test('failures aimed at one actuator do not count for another, nor one identity for another', () => {
  const failures = new AuthenticationFailures(LIMITS, new VirtualClock())
  for (let count = 0; count < 4; count += 1) {
    assert.notEqual(failures.observe(failure()).kind, 'trip')
    assert.notEqual(failures.observe(failure({ actuator: 'pump' })).kind, 'trip')
    assert.notEqual(failures.observe(failure({ channel: socket })).kind, 'trip')
    assert.notEqual(failures.observe(failure({ suspicion: 'denied', subject: 'alice' })).kind, 'trip')
  }
})

test('one failure is forgotten a minute; a trip says who, from where and when, and uses its evidence up', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const failures = new AuthenticationFailures(LIMITS, clock)
  for (let count = 0; count < 4; count += 1) failures.observe(failure({ source: `10.0.0.${count}` }))
  await clock.advance(60_000)
  assert.equal(failures.level('valve'), 3)
  assert.equal(failures.observe(failure()).kind, 'counted')
  const verdict = failures.observe(failure())
  assert.equal(verdict.kind, 'trip')
  assert.match(
    verdict.kind === 'trip' ? verdict.detail : '',
    /6 failed .* valve .* nobody known on lan, from 10\.0\.0\.0, .* between 2026-01-01T00:00:00\.000Z and 2026-01-01T00:01:00\.000Z/,
  )
  assert.equal(failures.level('valve'), 0)
})

test('a bucket never fills by more than what was put in, and leaks dry in time', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 50 }), pauses => {
      let now = 0
      let bucket: Bucket | undefined
      for (const [index, pause] of pauses.entries()) {
        now += pause
        bucket = addFailure(bucket, now, 60_000)
        assert.ok(bucket.level >= 1 && bucket.level <= index + 1)
        assert.equal(leak(bucket, now + bucket.level * 60_000, 60_000), undefined)
      }
    }),
  )
})

test('memory for sources is bounded, whatever number an attacker sends from', () => {
  const failures = new AuthenticationFailures({ ...LIMITS, limit: 100, warn: 99 }, new VirtualClock())
  let detail = ''
  for (let count = 0; count < 100; count += 1) {
    const verdict = failures.observe(failure({ source: `10.0.1.${count}` }))
    if (verdict.kind === 'trip') detail = verdict.detail
  }
  assert.equal(detail.match(/10\.0\.1\./g)?.length, 8)
})
