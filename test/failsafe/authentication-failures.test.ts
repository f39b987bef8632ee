import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AuthenticationFailures, type Failure } from '../../failsafe/authentication-failures.ts'
import { addFailure, type Bucket, leak } from '../../failsafe/evidence.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

const LIMITS = { limit: 5, warn: 3, leakEvery: 60_000, tripsPerDay: 3 }
const lan = { name: 'lan', unattributed: 'count' } as const
const alarmOnly = { name: 'lan', unattributed: 'alarm' } as const
const socket = { name: 'socket', identity: 'whoever is on socket', unattributed: 'count' } as const

function failure(of: Partial<Failure> = {}): Failure {
  return {
    actuator: 'valve',
    suspicion: 'forged',
    channel: lan,
    source: '10.0.0.1',
    tripped: false,
    trips: true,
    ...of,
  }
}

/** Class of evidence, channel, and what five of it do: the table of the design. */
const FIVE: readonly (readonly [what: string, of: Partial<Failure>, verdicts: string])[] = [
  ['forged, by nobody known, where the engineer chose count', {}, 'nothing nothing alarm nothing trip'],
  [
    'forged, by nobody known, where the engineer chose alarm',
    { channel: alarmOnly },
    'alarm nothing nothing nothing nothing',
  ],
  ['forged, over a channel that knows who it is', { channel: socket }, 'nothing nothing alarm nothing trip'],
  [
    'a right signature that its scope denies',
    { suspicion: 'denied', holder: 'alice', channel: alarmOnly },
    'nothing nothing alarm nothing trip',
  ],
  [
    'a right signature, replayed or out of date',
    { suspicion: 'stale', holder: 'alice' },
    'alarm nothing nothing nothing nothing',
  ],
  [
    'a mistake that says nothing of intent',
    { suspicion: 'none', holder: 'alice' },
    'nothing nothing nothing nothing nothing',
  ],
]

for (const [what, of, verdicts] of FIVE) {
  test(`five times ${what}: ${verdicts}`, () => {
    const failures = new AuthenticationFailures(LIMITS, new VirtualClock(), () => {})
    const seen = Array.from({ length: 5 }, () => failures.observe(failure(of)).kind)
    assert.equal(seen.join(' '), verdicts)
  })
}

test('what does not count raises an alarm at once and after a minute, and the next says how many there were', async () => {
  const clock = new VirtualClock()
  const failures = new AuthenticationFailures(LIMITS, clock, () => {})
  const alarms: string[] = []
  for (let count = 0; count < 1000; count += 1) {
    const verdict = failures.observe(failure({ channel: alarmOnly }))
    if (verdict.kind === 'alarm') alarms.push(verdict.detail)
    await clock.advance(120)
  }
  assert.equal(alarms.length, 2)
  assert.match(alarms[1] ?? '', /^501 refused requests/)
})

test('failures aimed at one actuator do not count for another, nor one identity for another', () => {
  const failures = new AuthenticationFailures(LIMITS, new VirtualClock(), () => {})
  for (let count = 0; count < 4; count += 1) {
    assert.notEqual(failures.observe(failure()).kind, 'trip')
    assert.notEqual(failures.observe(failure({ actuator: 'pump' })).kind, 'trip')
    assert.notEqual(failures.observe(failure({ channel: socket })).kind, 'trip')
    assert.notEqual(failures.observe(failure({ suspicion: 'denied', holder: 'alice' })).kind, 'trip')
  }
})

test('a person whose name is that of a listener is not taken for it', () => {
  const failures = new AuthenticationFailures(LIMITS, new VirtualClock(), () => {})
  const verdicts = Array.from({ length: 5 }, () =>
    failures.observe(failure({ suspicion: 'denied', holder: 'lan' })),
  )
  const trip = verdicts.at(-1)
  assert.equal(trip?.kind === 'trip' && trip.identity, 'subject lan')
})

test('one failure is forgotten a minute; a trip says who, from where and when, and uses its evidence up', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const failures = new AuthenticationFailures(LIMITS, clock, () => {})
  for (let count = 0; count < 4; count += 1) failures.observe(failure({ source: `10.0.0.${count}` }))
  await clock.advance(60_000)
  assert.equal(failures.level('valve'), 3)
  assert.notEqual(failures.observe(failure()).kind, 'trip')
  const verdict = failures.observe(failure())
  assert.equal(verdict.kind, 'trip')
  assert.match(
    verdict.kind === 'trip' ? verdict.detail : '',
    /6 refused requests aimed at valve by nobody known on listener lan, from 10\.0\.0\.0, .* between 2026-01-01T00:00:00\.000Z and 2026-01-01T00:01:00\.000Z/,
  )
  assert.deepEqual(verdict.kind === 'trip' && verdict.evidence, {
    identity: 'nobody known on listener lan',
    count: 6,
    sources: ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3'],
    first: Date.UTC(2026, 0, 1),
    last: Date.UTC(2026, 0, 1, 0, 1),
  })
  assert.equal(failures.level('valve'), 0)
})

test('while the actuator is tripped evidence is kept for the reset to see, whatever number comes in', () => {
  const failures = new AuthenticationFailures(LIMITS, new VirtualClock(), () => {})
  for (let count = 0; count < 1003; count += 1) {
    assert.notEqual(failures.observe(failure({ tripped: true })).kind, 'trip')
  }
  assert.equal(failures.level('valve'), 5)
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
  const failures = new AuthenticationFailures(
    { ...LIMITS, limit: 100, warn: 99 },
    new VirtualClock(),
    () => {},
  )
  let detail = ''
  for (let count = 0; count < 100; count += 1) {
    const verdict = failures.observe(failure({ source: `10.0.1.${count}` }))
    if (verdict.kind === 'trip') detail = verdict.detail
  }
  assert.equal(detail.match(/10\.0\.1\./g)?.length, 8)
})

test('an actuator that failures do not trip raises alarms instead', () => {
  const failures = new AuthenticationFailures(LIMITS, new VirtualClock(), () => {})
  const seen = Array.from({ length: 20 }, () => failures.observe(failure({ trips: false })).kind)
  assert.ok(!seen.includes('trip'))
  assert.ok(seen.includes('alarm'))
})

/** Fails five times and returns what the fifth was. */
function five(failures: AuthenticationFailures, of: Partial<Failure> = {}) {
  return Array.from({ length: 5 }, () => failures.observe(failure(of))).at(-1)
}

test("when the day's trips are used up whoever it is is shut out instead, and the next day begins anew", async () => {
  const clock = new VirtualClock()
  const failures = new AuthenticationFailures(LIMITS, clock, () => {})
  for (let count = 0; count < 3; count += 1) assert.equal(five(failures)?.kind, 'trip')
  const spent = five(failures)
  assert.equal(spent?.kind, 'spent')
  assert.equal(spent?.kind === 'spent' && spent.listener, 'lan')
  assert.equal(five(failures, { actuator: 'pump' })?.kind, 'spent', 'on every actuator')
  const eve = { suspicion: 'denied', holder: 'eve' } as const
  assert.equal(five(failures, eve)?.kind, 'trip', 'somebody else is somebody else')
  await clock.advance(86_400_000)
  assert.equal(five(failures)?.kind, 'trip')
})

test('evidence and the count of trips survive a restart, and leak meanwhile', async () => {
  const clock = new VirtualClock()
  let changes = 0
  const before = new AuthenticationFailures(LIMITS, clock, () => {
    changes += 1
  })
  for (let count = 0; count < 3; count += 1) five(before)
  for (let count = 0; count < 4; count += 1) before.observe(failure())
  assert.equal(changes, 19)
  const kept = JSON.parse(JSON.stringify(before.kept)) as typeof before.kept
  await clock.advance(60_000)
  const after = new AuthenticationFailures(LIMITS, clock, () => {})
  after.restore(kept)
  assert.equal(after.level('valve'), 3)
  after.observe(failure())
  const last = after.observe(failure({ source: '10.0.0.9' }))
  assert.equal(last.kind, 'spent', 'the trips of before the restart count')
  assert.match(last.kind === 'spent' ? last.detail : '', /^6 refused requests .* from 10.0.0.1, 10.0.0.9/)
})

test('evidence that was kept by a clock that was ahead does not stay for ever', async () => {
  const clock = new VirtualClock(Date.UTC(2030, 0, 1))
  const before = new AuthenticationFailures(LIMITS, clock, () => {})
  for (let count = 0; count < 4; count += 1) before.observe(failure())
  const right = new VirtualClock(Date.UTC(2026, 0, 1))
  const after = new AuthenticationFailures(LIMITS, right, () => {})
  after.restore(before.kept)
  assert.equal(after.level('valve'), 4)
  await right.advance(4 * 60_000)
  assert.equal(after.level('valve'), 0)
})
