import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Authenticated, authenticate } from '../../../agent/command/authenticate.ts'
import { type Locking, lockOut, unlock } from '../../../agent/command/lock-out.ts'
import { type Lockout, Lockouts, lockoutFile } from '../../../agent/command/lockouts.ts'
import type { CommandAnswer } from '../../../agent/command/pipeline.ts'
import { Refused } from '../../../agent/command/refused.ts'
import { reset } from '../../../agent/command/reset.ts'
import { select } from '../../../agent/command/select.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'
import { commandRig, NOW } from './rig.ts'

type Rig = Awaited<ReturnType<typeof commandRig>>

const HOUR = 3_600_000
const OPEN = { body: '{"setpoint":"open"}' }
const CLOSED = { body: '{"setpoint":"closed"}' }
const NEW_SEAL = { reason: 'new seal', until: '8h' }

function outcomeOf({ outcome }: CommandAnswer): string {
  return outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
}

function codeOf(answer: Lockout | Refused): string {
  return answer instanceof Refused ? answer.refusal.code : 'done'
}

function locking(rig: Rig): Locking {
  const { permits, actuators } = rig.commands
  return { actuators, permits, audit: rig.audit, clock: rig.clock }
}

function signed(rig: Rig, subject: string, role: string, path: string, body: unknown): Authenticated {
  const credential = rig.issue([], role, 900_000, subject)
  const received = rig.sign(credential, { path, body: JSON.stringify(body) })
  const authenticated = authenticate(received, rig.authenticator)
  assert.ok(!(authenticated instanceof Refused))
  return authenticated
}

const lock = (rig: Rig, subject = 'erika', body: unknown = NEW_SEAL, role = 'engineer') =>
  lockOut(signed(rig, subject, role, '/v1/actuators/valve/lockout', body), 'valve', locking(rig))

const end = (rig: Rig, subject = 'erika', body: unknown = {}, role = 'engineer') =>
  unlock(signed(rig, subject, role, '/v1/actuators/valve/unlock', body), 'valve', locking(rig))

async function recorded(rig: Rig, kind: 'lockout' | 'lockout-ended'): Promise<Record<string, unknown>[]> {
  const found = await rig.audit.records(kind, NOW - HOUR, 10)
  return found.kind === 'records' ? found.texts.map(text => JSON.parse(text) as Record<string, unknown>) : []
}

test('a locked-out actuator refuses commands away from safe, saying who, why and until when; towards safe acts', async () => {
  await using rig = await commandRig()
  const alice = rig.issue()
  await rig.send(rig.sign(alice, OPEN))
  assert.equal(codeOf(await lock(rig)), 'done')
  rig.driver.writes.length = 0
  const answer = await rig.send(rig.sign(alice, OPEN))
  assert.equal(outcomeOf(answer), 'locked-out')
  const { refusal } = answer.outcome as Extract<CommandAnswer['outcome'], { kind: 'refused' }>
  assert.equal(refusal.status, 409)
  assert.match(refusal.detail, /locked out by erika until 2026-06-01T20:00:\d\d.\d*Z: new seal$/)
  assert.deepEqual(rig.driver.writes, [])
  assert.equal(outcomeOf(await rig.send(rig.sign(alice, CLOSED))), 'verified')
  const [record] = await recorded(rig, 'lockout')
  assert.deepEqual([record?.subject, record?.reason, record?.actuator], ['erika', 'new seal', 'valve'])
})

test('a locked-out actuator trips, and its trip can be reset; the lockout outlasts both', async () => {
  await using rig = await commandRig()
  await rig.send(rig.sign(rig.issue(), OPEN))
  await lock(rig)
  rig.trips.trip('valve', 'authentication-failures', 'a test')
  await rig.clock.advance(1000)
  assert.equal(rig.trips.phase('valve'), 'tripped')
  assert.equal(rig.driver.values.get('valve.feedback'), 0)
  rig.trips.acknowledge('valve', 'anna')
  const cleared = await reset(
    signed(rig, 'erika', 'engineer', '/v1/actuators/valve/reset', {}),
    'valve',
    rig.resets,
  )
  assert.ok(!(cleared instanceof Refused))
  assert.equal(outcomeOf(await rig.send(rig.sign(rig.issue(), OPEN))), 'locked-out')
})

test('a lockout ends by itself at its time, not before, and the end is recorded though nobody asks', async () => {
  await using rig = await commandRig()
  await lock(rig, 'erika', { reason: 'new seal', until: '5m' })
  const [lockout] = rig.lockouts.of('valve')
  const left = (lockout?.until ?? 0) - rig.clock.wall()
  await rig.clock.advance(left - 1)
  assert.equal(rig.lockouts.of('valve').length, 1)
  assert.deepEqual(
    rig.noted.filter(({ kind }) => kind === 'lockout-ended'),
    [],
  )
  await rig.clock.advance(1001)
  const [ended, ...more] = rig.noted.filter(({ kind }) => kind === 'lockout-ended')
  assert.deepEqual(
    [ended?.actuator, ended?.locked_by, ended?.detail],
    ['valve', 'erika', 'its time was over'],
  )
  assert.deepEqual(more, [])
  assert.equal(outcomeOf(await rig.send(rig.sign(rig.issue(), OPEN))), 'verified')
})

test('its owner ends it, with any credential of theirs; another engineer does not, an admin does and the log says so', async () => {
  await using rig = await commandRig()
  await lock(rig)
  assert.equal(codeOf(await end(rig, 'hans')), 'not-locked-out')
  assert.equal(codeOf(await end(rig, 'hans', { subject: 'erika' })), 'role-denied')
  assert.equal(rig.lockouts.of('valve').length, 1)
  assert.equal(codeOf(await end(rig)), 'done')
  assert.deepEqual(rig.lockouts.of('valve'), [])
  await lock(rig)
  assert.equal(
    codeOf(await end(rig, 'ada', { subject: 'erika', reason: 'erika is on leave' }, 'admin')),
    'done',
  )
  const [byAdmin, byOwner] = await recorded(rig, 'lockout-ended')
  assert.deepEqual(
    [byAdmin, byOwner].map(record => [record?.locked_by, record?.subject, record?.detail]),
    [
      ['erika', 'ada', 'ada ended it'],
      ['erika', 'erika', 'its owner ended it'],
    ],
  )
})

test('each person has a lockout of their own: the actuator is free when the last of them has ended', async () => {
  await using rig = await commandRig()
  await lock(rig, 'erika')
  await lock(rig, 'hans', { reason: 'new motor', until: '2026-06-02T06:00:00+02:00' })
  await lock(rig, 'erika', { reason: 'new seal, still', until: '9h' })
  assert.deepEqual(
    rig.lockouts.of('valve').map(({ subject, reason }) => [subject, reason]),
    [
      ['hans', 'new motor'],
      ['erika', 'new seal, still'],
    ],
    'setting it again replaces one’s own',
  )
  assert.equal(rig.lockouts.of('valve')[0]?.until, Date.UTC(2026, 5, 2, 4))
  await end(rig, 'erika')
  const alice = rig.issue()
  assert.equal(outcomeOf(await rig.send(rig.sign(alice, OPEN))), 'locked-out')
  await end(rig, 'hans')
  assert.equal(outcomeOf(await rig.send(rig.sign(alice, OPEN))), 'verified')
})

test('a command on its way loses control to a lockout, and what was asked for or selected before is void', async () => {
  await using rig = await commandRig({ approvals: 2, selectionLasts: 30_000 })
  const selected = rig.sign(rig.issue(), { path: '/v1/actuators/valve/select' })
  assert.ok(!((await select(selected, 'valve', rig.commands)) instanceof Refused))
  assert.equal(rig.selections.of('valve').length, 1)
  const away = rig.controls.take('valve', false)
  assert.ok('signal' in away)
  rig.approvals.ask({ action: 'reset', actuator: 'valve' }, signed(rig, 'hans', 'engineer', '/', {}))
  await lock(rig)
  assert.ok(away.signal.aborted)
  assert.match(String(away.signal.reason), /locked out by erika: new seal/)
  assert.deepEqual(rig.approvals.pending, [])
  assert.deepEqual(rig.selections.of('valve'), [])
})

for (const [what, by, code] of [
  ['by an operator', { role: 'operator' }, 'role-denied'],
  ['without a reason', { body: { until: '8h' } }, 'body-malformed'],
  ['for an empty reason', { body: { reason: ' ', until: '8h' } }, 'body-malformed'],
  [
    'for a reason with a control character',
    { body: { reason: 'a\u001b[2J', until: '8h' } },
    'body-malformed',
  ],
  ['without an end', { body: { reason: 'new seal' } }, 'body-malformed'],
  ['until a time without a zone', { body: { reason: 'x', until: '2026-06-02T06:00:00' } }, 'body-malformed'],
  ['until a time that is over', { body: { reason: 'x', until: '2026-06-01T11:00:00Z' } }, 'body-malformed'],
  ['for two years', { body: { reason: 'x', until: '730d' } }, 'body-malformed'],
] as const satisfies readonly (readonly [string, { role?: string; body?: unknown }, string])[]) {
  test(`a lockout ${what} is refused and locks nothing`, async () => {
    await using rig = await commandRig()
    const { role = 'engineer', body = NEW_SEAL } = by as { role?: string; body?: unknown }
    assert.equal(codeOf(await lock(rig, 'erika', body, role)), code)
    assert.deepEqual(rig.lockouts.list, [])
  })
}

test('with a log that cannot be written a lockout acts, and says that it is not recorded; its end is refused', async () => {
  await using rig = await commandRig()
  const { append, appendOrKeep } = rig.audit
  for (const way of ['append', 'appendOrKeep'] as const)
    rig.audit[way] = async () => ({ kind: 'unwritable', detail: 'the disk is full' })
  assert.equal(codeOf(await lock(rig)), 'audit-unwritable')
  assert.equal(rig.lockouts.of('valve').length, 1)
  assert.equal(codeOf(await end(rig)), 'audit-unwritable')
  assert.equal(rig.lockouts.of('valve').length, 1)
  Object.assign(rig.audit, { append, appendOrKeep })
})

test('an end that may be a replay is not carried out', async () => {
  await using rig = await commandRig()
  await lock(rig)
  const by = { ...signed(rig, 'erika', 'engineer', '/v1/actuators/valve/unlock', {}), certainlyNew: false }
  assert.equal(codeOf(await unlock(by, 'valve', locking(rig))), 'replay-memory-lost')
  assert.equal(rig.lockouts.of('valve').length, 1)
})

const ERIKAS: Lockout = {
  actuator: 'valve',
  subject: 'erika',
  reason: 'new seal',
  since: NOW,
  until: NOW + HOUR,
}

/** Lockouts on a file of their own, and what they told. */
function lockoutsOn(path: string, kept: readonly Lockout[], clock: VirtualClock) {
  const noted: AuditEntry[] = []
  const troubles: string[] = []
  const lockouts = new Lockouts(lockoutFile(path), kept, clock, {
    note: entry => void noted.push(entry),
    notKept: detail => void troubles.push(detail),
  })
  return { lockouts, noted, troubles }
}

test('lockouts are kept over a restart, and one whose time came meanwhile is recorded as ended', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'state', 'lockouts.json')
  const clock = new VirtualClock(NOW)
  const { lockouts } = lockoutsOn(path, [], clock)
  const hans = { ...ERIKAS, subject: 'hans', until: NOW + 2 * HOUR }
  await lockouts.set(ERIKAS)
  await lockouts.set(hans)
  await lockouts[Symbol.asyncDispose]()

  const kept = (await lockoutFile(path).load()) ?? []
  assert.deepEqual(kept, [ERIKAS, hans])
  const later = lockoutsOn(path, kept, new VirtualClock(NOW + HOUR))
  assert.deepEqual(later.lockouts.list, [hans])
  assert.deepEqual(
    later.noted.map(({ kind, locked_by }) => [kind, locked_by]),
    [['lockout-ended', 'erika']],
  )
  await later.lockouts[Symbol.asyncDispose]()
})

test('a disk that does not take a lockout is told of, and the lockout acts all the same', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'state'), 'a file where a folder should be')
  const { lockouts, troubles } = lockoutsOn(
    join(folder.path, 'state', 'lockouts.json'),
    [],
    new VirtualClock(NOW),
  )
  await assert.rejects(lockouts.set(ERIKAS))
  assert.deepEqual(lockouts.list, [ERIKAS])
  assert.deepEqual(troubles, [])
  await lockouts[Symbol.asyncDispose]()
})

test('a lockout file that is not whole is not taken for no lockouts', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lockouts.json')
  for (const text of [
    '',
    '{}',
    'null',
    '[{}]',
    '[{"actuator":"valve","subject":"erika","reason":"x","since":1}]',
  ]) {
    await writeFile(path, text)
    await assert.rejects(lockoutFile(path).load(), SyntaxError, text)
  }
})
