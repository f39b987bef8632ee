import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type AlarmFile, alarmFile } from '../../../agent/alarms/alarm-file.ts'
import { Alarms, type AlarmTold } from '../../../agent/alarms/alarms.ts'
import { stateOf } from '../../../agent/alarms/standing.ts'
import type { AuditEntry } from '../../../model/audit.ts'
import { dictionaryFaults } from '../../../model/audit-kinds.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

const NOW = Date.UTC(2026, 5, 1, 12)
const SECOND = 1000
const MINUTE = 60_000

async function alarmRig(kept?: Awaited<ReturnType<AlarmFile['load']>>, at = NOW) {
  const folder = await temporaryFolder()
  const file = alarmFile(join(folder.path, 'state', 'alarms.json'))
  const clock = new VirtualClock(at)
  const notes: AuditEntry[] = []
  const told: string[] = []
  const alarms = new Alarms(file, kept, clock, {
    note: entry => void notes.push(entry),
    told: ({ news, alarm }: AlarmTold) => void told.push(`${news} ${alarm.name}`),
    surplus: (name, count) => void told.push(`${count} more ${name}`),
  })
  const list = () => alarms.list.map(alarm => `${alarm.id} ${alarm.name} ${stateOf(alarm)}`)
  return {
    ...{ folder, file, clock, notes, told, alarms, list },
    [Symbol.asyncDispose]: async () => {
      await alarms[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

const ALICE = { by: 'alice', channel: 'plant-lan', source: '10.1.2.3' }

test('what is about another actuator is another alarm; the same again is the same', async () => {
  await using rig = await alarmRig()
  rig.alarms.raise('trip', 'forged', { actuator: 'valve', cause: 'authentication-failures' })
  rig.alarms.raise('trip', 'forged', { actuator: 'pump', cause: 'authentication-failures' })
  rig.alarms.raise('trip', 'still', { actuator: 'valve', cause: 'manual' })
  rig.alarms.clear('trip', undefined, { actuator: 'pump' })
  assert.deepEqual(rig.list(), ['2 trip cleared', '1 trip unacknowledged'].toSorted().toReversed())
  assert.equal(rig.alarms.list.find(({ id }) => id === 1)?.count, 2)
})

test('the list is in the order of priority, and the newest first among equals', async () => {
  await using rig = await alarmRig()
  rig.alarms.raise('clock-stepped', 'a')
  await rig.clock.advance(SECOND)
  rig.alarms.raise('master-key-unavailable', 'b')
  await rig.clock.advance(SECOND)
  rig.alarms.raise('rotation-due', 'c')
  rig.alarms.raise('disk-space', 'd')
  assert.deepEqual(
    rig.alarms.list.map(({ name }) => name),
    ['master-key-unavailable', 'disk-space', 'clock-stepped', 'rotation-due'],
  )
})

test('alarms, who has seen which, and what is shelved survive a restart; ids are never used twice', async () => {
  await using first = await alarmRig()
  first.alarms.raise('clock-stepped', 'a')
  first.alarms.raise('audit-log-corrupt', 'b')
  first.alarms.raise('rotation-due', 'c')
  first.alarms.attend(1, { type: 'acknowledged', by: 'alice' }, ALICE)
  first.alarms.attend(3, { type: 'shelved', by: 'alice', until: NOW + MINUTE, reason: 'monday' }, ALICE)
  await first.alarms.kept()
  await using second = await alarmRig(await first.file.load())
  assert.deepEqual(second.list().toSorted(), [
    '1 clock-stepped acknowledged',
    '2 audit-log-corrupt latched',
    '3 rotation-due shelved',
  ])
  second.alarms.raise('certificate', 'd', { listener: 'plant-tls' })
  assert.ok(second.list().includes('4 certificate unacknowledged'))
  assert.deepEqual(second.told.slice(0, 2), ['raised clock-stepped', 'raised audit-log-corrupt'])
})

test('what an earlier run left and this one does not raise is over after two minutes; what it raises stays as it was', async () => {
  await using first = await alarmRig()
  first.alarms.raise('clock-stepped', 'a')
  first.alarms.raise('rotation-due', 'old')
  first.alarms.raise('audit-log-corrupt', 'b')
  first.alarms.attend(1, { type: 'acknowledged', by: 'alice' }, ALICE)
  await first.alarms.kept()
  await using second = await alarmRig(await first.file.load())
  second.alarms.watch({})
  second.alarms.raise('clock-stepped', 'a')
  await second.clock.advance(119 * SECOND)
  assert.ok(second.list().includes('2 rotation-due unacknowledged'))
  await second.clock.advance(2 * SECOND)
  assert.deepEqual(second.list().toSorted(), [
    '1 clock-stepped acknowledged',
    '2 rotation-due cleared',
    '3 audit-log-corrupt latched',
  ])
})

test('an alarm that nobody clears is over when what it tells of is', async () => {
  await using rig = await alarmRig()
  const tripped = new Set(['valve'])
  rig.alarms.watch({ trip: ({ actuator = '' }) => tripped.has(actuator) })
  rig.alarms.raise('trip', 'forged', { actuator: 'valve' })
  await rig.clock.advance(5 * SECOND)
  assert.deepEqual(rig.list(), ['1 trip unacknowledged'])
  tripped.delete('valve')
  await rig.clock.advance(SECOND)
  assert.deepEqual(rig.list(), ['1 trip cleared'])
  assert.equal(rig.notes.at(-1)?.kind, 'alarm-cleared')
})

test('a shelved alarm is told to nobody until its time is over, and is in the audit log all the while', async () => {
  await using rig = await alarmRig()
  rig.alarms.watch({})
  rig.alarms.raise('clock-stepped', 'a')
  rig.alarms.attend(1, { type: 'shelved', by: 'alice', until: NOW + MINUTE, reason: 'known' }, ALICE)
  rig.told.length = 0
  rig.alarms.clear('clock-stepped')
  rig.alarms.raise('clock-stepped', 'again')
  await rig.clock.advance(MINUTE - SECOND)
  assert.deepEqual(rig.told, [])
  await rig.clock.advance(SECOND)
  assert.deepEqual(rig.told, ['unshelved clock-stepped'])
  assert.deepEqual(rig.list(), ['1 clock-stepped unacknowledged'])
  const kinds = rig.notes.map(({ kind }) => kind)
  assert.deepEqual(kinds, ['alarm', 'alarm-shelved', 'alarm-cleared', 'alarm', 'alarm-unshelved'])
})

test('a chattering alarm is told ten times a minute, each with its end, and then counted; every record is as the dictionary says', async () => {
  await using rig = await alarmRig()
  rig.alarms.watch({})
  for (let count = 0; count < 30; count += 1) {
    rig.alarms.raise('clock-stepped', `${count}`)
    rig.alarms.clear('clock-stepped')
  }
  assert.equal(rig.told.length, 20)
  assert.deepEqual(new Set(rig.told), new Set(['raised clock-stepped', 'cleared clock-stepped']))
  assert.deepEqual(rig.list(), ['1 clock-stepped cleared'])
  await rig.clock.advance(MINUTE + SECOND)
  assert.deepEqual(rig.told.slice(20), ['40 more clock-stepped', 'cleared clock-stepped'])
  rig.alarms.attend(1, { type: 'acknowledged', by: 'alice' }, ALICE)
  const header = { seq: 0, boot: 'b', time: 't', mono_ms: 0 }
  for (const note of rig.notes)
    assert.deepEqual(dictionaryFaults({ ...header, ...note }), [], JSON.stringify(note))
  assert.deepEqual(
    rig.notes.slice(-3).map(({ kind, count }) => [kind, count]),
    [
      ['alarms-summarised', 40],
      ['alarm-cleared', undefined],
      ['alarm-acknowledged', undefined],
    ],
  )
})

/** Who is told of `news`, and of which actuators or identities. */
function toldOf(notes: readonly AuditEntry[], kind: AuditEntry['kind']): unknown[] {
  return notes.flatMap(note => (note.kind === kind ? [note.actuator ?? note.identity] : []))
}

test('twelve actuators that trip together are twelve alarms, each told with its end', async () => {
  await using rig = await alarmRig()
  const valves = Array.from({ length: 12 }, (_, at) => `valve-${at}`)
  for (const actuator of valves) rig.alarms.raise('trip', 'forged', { actuator })
  for (const actuator of valves) rig.alarms.clear('trip', undefined, { actuator })
  assert.deepEqual(toldOf(rig.notes, 'alarm'), valves)
  assert.deepEqual(toldOf(rig.notes, 'alarm-cleared'), valves)
  assert.equal(rig.told.filter(told => told === 'raised trip').length, 12)
  assert.equal(rig.told.filter(told => told === 'cleared trip').length, 12)
})

test('an alarm that chatters takes nothing from another of its name, and its last state is told when the minute is over', async () => {
  await using rig = await alarmRig()
  rig.alarms.watch({ trip: () => true })
  for (let count = 0; count < 15; count += 1) {
    rig.alarms.raise('trip', `${count}`, { actuator: 'valve' })
    if (count < 14) rig.alarms.clear('trip', undefined, { actuator: 'valve' })
  }
  rig.alarms.raise('trip', 'forged', { actuator: 'pump' })
  assert.equal(rig.notes.at(-1)?.actuator, 'pump')
  assert.equal(rig.notes.at(-2)?.kind, 'alarm-cleared', 'whoever is told believes that the valve is well')
  await rig.clock.advance(MINUTE + SECOND)
  assert.deepEqual(
    rig.notes.slice(-2).map(({ kind, actuator, detail, count }) => [kind, actuator, detail, count]),
    [
      ['alarms-summarised', undefined, undefined, 9],
      ['alarm', 'valve', '14', undefined],
    ],
  )
  rig.alarms.clear('trip', undefined, { actuator: 'valve' })
  assert.equal(rig.notes.at(-1)?.kind, 'alarm-cleared', 'its end is told')
})

test('of 250 alarms of a name a hundred a minute are told, in their order, until all were', async () => {
  await using rig = await alarmRig()
  rig.alarms.watch({ 'identity-suspended': () => true })
  const identities = Array.from({ length: 250 }, (_, at) => `subject ${at}`)
  for (const identity of identities) rig.alarms.raise('identity-suspended', 'x', { identity })
  assert.deepEqual(toldOf(rig.notes, 'alarm'), identities.slice(0, 100))
  rig.alarms.clear('identity-suspended', undefined, { identity: 'subject 3' })
  assert.deepEqual(toldOf(rig.notes, 'alarm-cleared'), ['subject 3'])
  await rig.clock.advance(MINUTE + SECOND)
  assert.deepEqual(toldOf(rig.notes, 'alarm'), identities.slice(0, 200))
  rig.alarms.clear('identity-suspended', undefined, { identity: 'subject 240' })
  await rig.clock.advance(MINUTE + SECOND)
  assert.deepEqual(
    toldOf(rig.notes, 'alarm'),
    identities.filter(identity => identity !== 'subject 240'),
  )
  assert.deepEqual(toldOf(rig.notes, 'alarm-cleared'), ['subject 3', 'subject 240'])
  assert.deepEqual(
    rig.told.filter(told => told.includes('more')),
    ['150 more identity-suspended', '1 more identity-suspended'],
  )
  rig.notes.length = 0
  await rig.clock.advance(5 * MINUTE)
  assert.deepEqual(rig.notes, [], 'each once')
})

test('what is held back is told when the agent stops, and not again where somebody acknowledged it', async () => {
  const rig = await alarmRig()
  for (let at = 0; at < 103; at += 1)
    rig.alarms.raise('identity-suspended', 'x', { identity: `subject ${at}` })
  rig.alarms.attend(102, { type: 'acknowledged', by: 'alice' }, ALICE)
  rig.notes.length = 0
  await rig[Symbol.asyncDispose]()
  assert.deepEqual(
    rig.notes.map(({ kind, identity, count }) => [kind, identity, count]),
    [
      ['alarms-summarised', undefined, 3],
      ['alarm', 'subject 100', undefined],
      ['alarm', 'subject 102', undefined],
    ],
  )
})

test('more alarms than can be told apart stand under their name alone', async () => {
  await using rig = await alarmRig()
  for (let at = 0; at < 1200; at += 1)
    rig.alarms.raise('identity-suspended', 'x', { identity: `subject ${at}` })
  assert.equal(rig.alarms.list.length, 1001)
  assert.equal(rig.alarms.list.find(({ about }) => about.identity === undefined)?.count, 200)
})

test('a listener that breaks keeps no alarm from being raised', async () => {
  await using folder = await temporaryFolder()
  const fail = () => {
    throw new Error('broken')
  }
  const file = alarmFile(join(folder.path, 'alarms.json'))
  await using alarms = new Alarms(file, undefined, new VirtualClock(NOW), {
    note: fail,
    told: fail,
    surplus: fail,
  })
  alarms.raise('trip', 'forged', { actuator: 'valve' })
  assert.equal(alarms.list.length, 1)
})

test('when the disk does not take them the alarms say so themselves, and again when it does', async () => {
  await using rig = await alarmRig()
  rig.alarms.watch({})
  await writeFile(join(rig.folder.path, 'state'), 'in the way')
  rig.alarms.raise('clock-stepped', 'a')
  await assert.rejects(rig.alarms.kept())
  assert.ok(rig.list().includes('2 alarms-not-kept unacknowledged'), rig.list().join())
  await rm(join(rig.folder.path, 'state'))
  await mkdir(join(rig.folder.path, 'state'))
  await rig.alarms.kept()
  assert.ok(rig.list().includes('2 alarms-not-kept cleared'))
  assert.equal((await rig.file.load())?.standing.length, 2)
})

test('a file that is no list of alarms cannot be loaded; an alarm of a name that is not known is left out', async () => {
  await using rig = await alarmRig()
  rig.alarms.raise('clock-stepped', 'a')
  await rig.alarms.kept()
  const text = JSON.stringify(await rig.file.load())
  for (const [bad, why] of [
    ['{"next":1}', 'no list'],
    [text.replace('"active":true', '"active":1'), 'no truth value'],
    [text.replace('"warning"', '"loud"'), 'no severity'],
  ] as const) {
    await writeFile(rig.file.path, bad)
    await assert.rejects(rig.file.load(), why)
  }
  await writeFile(rig.file.path, text.replace('clock-stepped', 'of-a-later-version'))
  assert.deepEqual((await rig.file.load())?.standing, [])
})
