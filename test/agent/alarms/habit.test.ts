import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { type Habit, learn, newHabit } from '../../../agent/alarms/habit.ts'
import { Habits, habitFile } from '../../../agent/alarms/habits.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A Monday, 08:00 UTC. */
const MONDAY = Date.UTC(2026, 5, 1, 8)
const PANEL = '10.1.2.3'

type Use = readonly [at: number, source: string, times?: number]

/** What is odd about each of some uses; once where it is used several times. */
function oddities(uses: readonly Use[]): string[] {
  let habit: Habit = newHabit(uses[0]?.[0] ?? 0)
  return uses.map(([at, source, times = 1]) => {
    const names = new Set<string>()
    for (let count = 0; count < times; count += 1) {
      const after = learn(habit, source, at)
      habit = after.habit
      for (const { name } of after.odd) names.add(name.replace('credential-', ''))
    }
    return [...names].join(' ')
  })
}

/** A fortnight of the same shift: used ten times at 8 and at 9 each day. */
const fortnight: readonly Use[] = Array.from({ length: 14 }, (_, day) => [
  [MONDAY + day * DAY, PANEL, 10] as const,
  [MONDAY + day * DAY + HOUR, PANEL, 10] as const,
]).flat()
const AFTER = MONDAY + 14 * DAY

describe('after a fortnight of the same shift', () => {
  const rows: [what: string, use: Use, odd: string][] = [
    ['the same again is not odd', [AFTER, PANEL, 10], ''],
    ['another address is', [AFTER, '10.9.9.9'], 'new-address'],
    ['an hour early is not', [AFTER - HOUR, PANEL], ''],
    ['an hour late is not', [AFTER + 2 * HOUR, PANEL], ''],
    ['the afternoon is', [AFTER + 6 * HOUR, PANEL], 'new-hour'],
    ['the night is, from another address both are', [AFTER + 18 * HOUR, '10.9.9.9'], 'new-address new-hour'],
    ['three times as much is not', [AFTER, PANEL, 30], ''],
    ['less than sixty is never a spike', [AFTER, PANEL, 59], ''],
    ['sixty, against ten in the busiest hour, is', [AFTER, PANEL, 60], 'spike'],
  ]
  for (const [what, use, odd] of rows) it(what, () => assert.equal(oddities([...fortnight, use]).at(-1), odd))
})

describe('whoever is not known yet', () => {
  const rows: [what: string, uses: Use[], odd: string[]][] = [
    [
      'may come from anywhere on the first day',
      [
        [MONDAY, PANEL],
        [MONDAY + HOUR, '10.9.9.9'],
      ],
      ['', ''],
    ],
    [
      'may come at any hour in the first week',
      [
        [MONDAY, PANEL],
        [MONDAY + 3 * DAY + 9 * HOUR, PANEL],
      ],
      ['', ''],
    ],
    ['may ask as often as they like on the first day', [[MONDAY, PANEL, 500]], ['']],
    [
      'is surprising from elsewhere on the second',
      [
        [MONDAY, PANEL],
        [MONDAY + DAY, '10.9.9.9'],
      ],
      ['', 'new-address'],
    ],
  ]
  for (const [what, uses, odd] of rows) it(what, () => assert.deepEqual(oddities(uses), odd))
})

test('what is odd is odd once: the second time it is known', () => {
  const [first, second] = oddities([
    ...fortnight,
    [AFTER + 6 * HOUR, '10.9.9.9'],
    [AFTER + 6 * HOUR, '10.9.9.9'],
  ]).slice(-2)
  assert.deepEqual([first, second], ['new-address new-hour', ''])
})

test('a spike is told once an hour', () => {
  assert.deepEqual(oddities([...fortnight, [AFTER, PANEL, 200], [AFTER, PANEL, 200]]).slice(-2), [
    'spike',
    '',
  ])
})

test('a screen that reads all day is no spike, and hides none; what it reads from is learned', () => {
  let habit = newHabit(MONDAY)
  const odd = (source: string, at: number, isReading: boolean): string[] => {
    const after = learn(habit, source, at, isReading)
    habit = after.habit
    return after.odd.map(({ name }) => name)
  }
  for (let read = 0; read < 1800; read += 1) assert.deepEqual(odd(PANEL, MONDAY + read * 2000, true), [])
  const next = MONDAY + 2 * DAY
  for (let read = 0; read < 1800; read += 1) assert.deepEqual(odd(PANEL, next, true), [])
  assert.deepEqual(odd('10.9.9.9', next, true), ['credential-new-address'])
  const spikes = Array.from({ length: 60 }, () => odd(PANEL, next, false)).flat()
  assert.deepEqual(spikes, ['credential-spike'])
})

test('what was not done for thirty days is new again', () => {
  const later = MONDAY + 45 * DAY
  assert.equal(oddities([...fortnight, [later, PANEL]]).at(-1), 'new-address new-hour')
})

test('the newest addresses are kept and no more', () => {
  let habit = newHabit(MONDAY)
  for (let at = 0; at < 100; at += 1) habit = learn(habit, `10.0.0.${at}`, MONDAY + at).habit
  assert.equal(Object.keys(habit.addresses).length, 32)
  assert.ok('10.0.0.99' in habit.addresses && !('10.0.0.0' in habit.addresses))
})

test('habits are kept over a restart, and what is odd says whose credential, which and why', async () => {
  await using folder = await temporaryFolder()
  const file = habitFile(`${folder.path}/habits.json`)
  const raised: string[] = []
  const alarms = {
    raise: (name: string, detail: string, about?: { identity?: string }) =>
      void raised.push(`${name} ${about?.identity}: ${detail}`),
  }
  {
    await using first = new Habits(file, {}, new VirtualClock(MONDAY), alarms)
    first.used('alice', 'c1', PANEL)
  }
  await using second = new Habits(file, (await file.load()) ?? {}, new VirtualClock(MONDAY + 2 * DAY), alarms)
  second.used('alice', 'c2', PANEL)
  second.used('alice', 'c2', '10.9.9.9')
  assert.deepEqual(raised, [
    "credential-new-address subject alice: alice's credential c2 was used from 10.9.9.9 for the first time in 30 days; before from 1 other address",
  ])
})
