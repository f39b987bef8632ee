import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FoundRecords } from '../../../agent/audit/answers.ts'
import type { Authorized } from '../../../agent/command/authorize.ts'
import type { Pace } from '../../../agent/command/pace.ts'
import type { CommandAnswer } from '../../../agent/command/pipeline.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { select } from '../../../agent/command/select.ts'
import { openPacing } from '../../../agent/open-pacing.ts'
import type { Credential } from '../../../model/credential.ts'
import type { Setpoint } from '../../../model/setpoint.ts'
import { commandRig, NOW } from './rig.ts'

type Rig = Awaited<ReturnType<typeof commandRig>>

const MINUTE = 60_000
const HOUR = 60 * MINUTE

async function set(rig: Rig, credential: Credential, setpoint: Setpoint): Promise<string> {
  const answer = await rig.send(rig.sign(credential, { body: JSON.stringify({ setpoint }) }))
  return codeOf(answer)
}

function codeOf({ outcome }: CommandAnswer): string {
  return outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
}

test('between two commands away from safe the minimum interval is kept; towards safe is never made to wait', async () => {
  await using rig = await commandRig({ pace: { minimumInterval: MINUTE } })
  const alice = rig.issue()
  assert.equal(await set(rig, alice, 'open'), 'verified')
  assert.equal(await set(rig, alice, 'closed'), 'verified')
  const answer = await rig.send(rig.sign(alice))
  assert.equal(codeOf(answer), 'too-soon')
  const { refusal } = answer.outcome as Extract<CommandAnswer['outcome'], { kind: 'refused' }>
  assert.equal(refusal.status, 429)
  assert.match(
    refusal.detail,
    /^valve takes 1m between two commands away from safe, and the last was .* ago$/,
  )
  const wait = refusal.retryAfter ?? 0
  assert.ok(wait > 0 && wait <= MINUTE)
  await rig.clock.advance(wait)
  assert.equal(await set(rig, alice, 'open'), 'verified')
})

for (const [what, spoil, code, next] of [
  ['that the device rejected', { kind: 'rejected', reason: 'illegal' }, 'device-rejected', 'verified'],
  [
    'that never reached the device',
    { kind: 'unreachable', reason: 'no link' },
    'device-unreachable',
    'verified',
  ],
  ['that may have been written', { kind: 'unknown', reason: 'no answer' }, 'unknown', 'too-soon'],
] as const) {
  test(`a command ${what}: the next one is ${next}`, async () => {
    await using rig = await commandRig({ pace: { minimumInterval: MINUTE } })
    const alice = rig.issue()
    rig.driver.nextWrite = spoil
    assert.equal(await set(rig, alice, 'open'), code)
    rig.driver.nextWrite = undefined
    assert.equal(await set(rig, alice, 'open'), next)
  })
}

test('a valve leaves its safe state as often in an hour as it may, a trip counting as the way back', async () => {
  await using rig = await commandRig({ pace: { cyclesPerHour: 2 } })
  const alice = rig.issue([], 'operator', 7_200_000)
  assert.equal(await set(rig, alice, 'open'), 'verified')
  rig.commands.permits.pacing.tripped(rig.valve)
  assert.equal(await set(rig, alice, 'open'), 'verified')
  assert.equal(await set(rig, alice, 'open'), 'verified', 'from away to away is no cycle')
  assert.equal(await set(rig, alice, 'closed'), 'verified')
  assert.equal(await set(rig, alice, 'open'), 'too-soon')
  assert.equal(await set(rig, alice, 'closed'), 'verified')
  await rig.clock.advance(HOUR)
  assert.equal(await set(rig, alice, 'open'), 'verified')
})

const BY_10 = { rateOfChange: { by: 10, per: MINUTE } } satisfies Partial<Pace>

test('a damper moves in steps from where its feedback shows it to be at the start', async () => {
  await using rig = await commandRig({ range: true, pace: BY_10 })
  rig.driver.values.set('valve.feedback', 40)
  const alice = rig.issue()
  assert.equal(await set(rig, alice, 51), 'step-too-large')
  assert.equal(await set(rig, alice, 50), 'verified')
  assert.equal(await set(rig, alice, 60), 'step-too-large')
  await rig.clock.advance(MINUTE)
  assert.equal(await set(rig, alice, 60), 'verified')
  assert.equal(await set(rig, alice, 0), 'verified', 'towards safe goes at once')
})

test('while nobody can tell where a damper is, it moves towards safe only, and the refusal says why', async () => {
  await using rig = await commandRig({ range: true, pace: BY_10 })
  rig.driver.nextRead = { kind: 'failed', reason: 'the device did not answer in time' }
  const alice = rig.issue()
  const answer = await rig.send(rig.sign(alice, { body: '{"setpoint":5}' }))
  assert.equal(codeOf(answer), 'position-unknown')
  assert.match(
    answer.outcome.kind === 'refused' ? answer.outcome.refusal.detail : '',
    /its feedback was not read: the device did not answer in time/,
  )
  assert.deepEqual(rig.driver.writes, [])
  await rig.send(rig.sign(alice, { body: '{"setpoint":0}' }))
  assert.deepEqual(rig.driver.writes, [{ point: 'valve.command', value: 0 }])
})

test('nothing is read before a command towards safe, nor where no limit counts from there', async () => {
  for (const [pace, setpoint] of [
    [BY_10, 0],
    [{ minimumInterval: MINUTE }, 5],
  ] as const) {
    await using rig = await commandRig({ range: true, pace })
    const order: string[] = []
    const read = rig.driver.read.bind(rig.driver)
    rig.driver.read = async (point, signal) => {
      order.push('read')
      return await read(point, signal)
    }
    rig.driver.onWrite = (_, value) => {
      order.push('write')
      rig.driver.values.set('valve.feedback', value)
    }
    assert.equal(await set(rig, rig.issue(), setpoint), 'verified')
    assert.equal(order[0], 'write')
  }
})

test('nobody selects what would come too soon', async () => {
  await using rig = await commandRig({ selectionLasts: 30_000, pace: BY_10, range: true })
  const received = rig.sign(rig.issue(), { path: '/v1/actuators/valve/select', body: '{"setpoint":50}' })
  const selected = await select(received, 'valve', rig.commands)
  assert.equal(selected instanceof Refused && selected.refusal.code, 'step-too-large')
})

/** A command on the rig's valve, as far as pacing looks at it. */
function authorized(rig: Rig, setpoint: string): Authorized {
  const target = { setpoint, write: 1, feedback: 1 }
  return { actuator: rig.valve, target, towardsSafe: false } as Authorized
}

test('over a restart the counts are those of the audit log: what was written, not what was refused', async () => {
  await using rig = await commandRig({ pace: { cyclesPerHour: 2 } })
  const alice = rig.issue()
  rig.driver.nextWrite = { kind: 'unreachable', reason: 'no link' }
  await set(rig, alice, 'open')
  rig.driver.nextWrite = undefined
  for (const setpoint of ['open', 'closed']) assert.equal(await set(rig, alice, setpoint), 'verified')
  const again = async () => await openPacing(rig.audit, rig.commands.actuators, rig.clock)
  assert.equal((await again()).check(authorized(rig, 'open')), undefined)
  for (const setpoint of ['open', 'closed']) assert.equal(await set(rig, alice, setpoint), 'verified')
  const refusal = (await again()).check(authorized(rig, 'open'))
  assert.equal(refusal?.code, 'too-soon')
  const wait = refusal?.retryAfter ?? 0
  assert.ok(wait > 59 * MINUTE && wait <= HOUR, String(wait))
  await rig.clock.advance(wait)
  assert.equal((await again()).check(authorized(rig, 'open')), undefined)
})

const at = (ms: number) => new Date(NOW + ms).toISOString()
const row = (kind: string, ms: number, members: Record<string, unknown> = {}) => ({
  kind,
  text: JSON.stringify({ time: at(ms), actuator: 'valve', ...members }),
})
const OPENED = { command: 'c1', asked: 'open', towards_safe: false }
const CLOSED = { command: 'c2', asked: 'closed', towards_safe: true }

for (const [what, rows, answer] of [
  ['an empty log', [], 'goes'],
  [
    'a cycle half an hour ago',
    [row('command-intent', -HOUR / 2, OPENED), row('command-intent', -1, CLOSED)],
    'too-soon 30',
  ],
  [
    'a command that was cut off by the end of the agent',
    [row('command-intent', -HOUR / 2, OPENED)],
    'too-soon 30',
  ],
  [
    'a cycle that a trip ended',
    [
      row('command-intent', -HOUR / 2, OPENED),
      row('command-outcome', -HOUR / 2, { command: 'c1', outcome: 'verified' }),
      row('trip-safe', -1),
    ],
    'too-soon 30',
  ],
  [
    'still away, verified',
    [
      row('command-intent', -HOUR / 2, OPENED),
      row('command-outcome', -HOUR / 2, { command: 'c1', outcome: 'verified' }),
    ],
    'goes',
  ],
  [
    'a command that was refused by the device',
    [
      row('command-intent', -HOUR / 2, OPENED),
      row('command-outcome', -HOUR / 2, { command: 'c1', outcome: 'refused' }),
    ],
    'goes',
  ],
  ['a log that was begun anew ten minutes ago', [row('log-created', -10 * MINUTE)], 'goes'],
  ['a log that was lost ten minutes ago', [row('log-created', -10 * MINUTE, { lost: true })], 'too-soon 50'],
  ['a record of a time to come', [row('command-intent', HOUR, OPENED)], 'too-soon 60'],
  ['a log that cannot be read', undefined, 'too-soon 60'],
] as const) {
  test(`a restart on ${what}: ${answer}`, async () => {
    await using rig = await commandRig({ pace: { cyclesPerHour: 1 } })
    const records = async (of: string): Promise<FoundRecords> =>
      rows === undefined
        ? { kind: 'unreadable', detail: 'a broken disk' }
        : { kind: 'records', texts: rows.filter(({ kind }) => kind === of).map(({ text }) => text) }
    const pacing = await openPacing({ records }, rig.commands.actuators, rig.clock)
    const refusal = pacing.check(authorized(rig, 'open'))
    const minutes = Math.round((refusal?.retryAfter ?? 0) / MINUTE)
    assert.equal(refusal ? `${refusal.code} ${minutes}` : 'goes', answer)
  })
}

test('where nothing is limited the log is not asked', async () => {
  await using rig = await commandRig()
  const records = async (): Promise<FoundRecords> => assert.fail('it was asked')
  const pacing = await openPacing({ records }, rig.commands.actuators, rig.clock)
  assert.equal(pacing.check(authorized(rig, 'open')), undefined)
})

test('the device is not read for a command that is refused whatever it shows: rate, suspension, trip', async () => {
  await using rig = await commandRig({ pace: { cyclesPerHour: 2 } })
  let reads = 0
  const read = rig.driver.read.bind(rig.driver)
  rig.driver.read = async (...args) => {
    reads += 1
    return await read(...args)
  }
  const rated = rig.issue([{ kind: 'rate', requests: 1, seconds: 60 }])
  assert.equal(codeOf(await rig.send({ ...rig.sign(rig.issue()), tooEarly: 500 })), 'rate-exceeded')
  rig.suspended.set('subject alice', 'a reason')
  assert.equal(codeOf(await rig.send(rig.sign(rig.issue()))), 'identity-suspended')
  rig.suspended.clear()
  rig.troubles.unmet = { kind: 'interlock', detail: 'too full' }
  assert.equal(codeOf(await rig.send(rig.sign(rig.issue()))), 'interlock-violated')
  delete rig.troubles.unmet
  assert.equal(reads, 0)
  assert.equal(
    codeOf(await rig.send(rig.sign(rated))),
    'verified',
    'and a rate is used up once by each command',
  )
  assert.equal(codeOf(await rig.send(rig.sign(rated))), 'rate-exceeded')
})

test('a trip that comes while the device is being read for a command refuses the command', async () => {
  await using rig = await commandRig({ pace: { cyclesPerHour: 2 } })
  const read = rig.driver.read.bind(rig.driver)
  rig.driver.read = async (...args) => {
    if (rig.trips.phase('valve') === 'normal') rig.trips.trip('valve', 'authentication-failures', 'just now')
    return await read(...args)
  }
  assert.equal(codeOf(await rig.send(rig.sign(rig.issue()))), 'tripped')
  assert.ok(rig.driver.writes.every(({ value }) => value === 0))
})
