import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkPace, type History, HORIZON, type Move, type Pace, prune } from '../../../agent/command/pace.ts'

const NONE: Pace = { minimumInterval: undefined, cyclesPerHour: undefined, rateOfChange: undefined }
const MINUTE = 60_000
const EVER = Number.NEGATIVE_INFINITY

/** A minute of a history, the value that it stands at from then on, and what is special: seen, unsure. */
type Told = readonly [minute: number, value: number, how?: 'seen' | 'unsure']

function history(told: readonly Told[], knownSince = EVER): History {
  const moves = told.map(
    ([minute, value, how]): Move => ({
      at: minute * MINUTE,
      value,
      isSafe: value === 0,
      isWritten: how !== 'seen',
      isSure: how !== 'unsure',
    }),
  )
  return { moves, knownSince }
}

/** What each limit says at a minute of a history: nothing, or a code and the minutes until it makes sense to try again. */
const ROWS: readonly (readonly [
  what: string,
  pace: Partial<Pace>,
  told: readonly Told[],
  asked: readonly [minute: number, value: number],
  answer: string,
  knownSince?: number,
])[] = [
  ['no limit', {}, [[0, 40]], [0, 100], 'goes'],

  ['the first command', { minimumInterval: MINUTE }, [], [0, 40], 'goes'],
  ['a second one too early', { minimumInterval: MINUTE }, [[0, 40]], [0.5, 50], 'too-soon 0.5'],
  ['a second one just in time', { minimumInterval: MINUTE }, [[0, 40]], [1, 50], 'goes'],
  [
    'a command to safe in between is none',
    { minimumInterval: MINUTE },
    [
      [0, 40],
      [0.2, 0],
    ],
    [0.5, 50],
    'too-soon 0.5',
  ],
  [
    'one that may have been written',
    { minimumInterval: MINUTE },
    [[0, 40, 'unsure']],
    [0.5, 50],
    'too-soon 0.5',
  ],
  ['what was only seen', { minimumInterval: MINUTE }, [[0, 40, 'seen']], [0.5, 50], 'goes'],
  ['a log that was lost just now', { minimumInterval: MINUTE }, [], [0.5, 50], 'too-soon 0.5', 0],

  [
    'the second cycle of two',
    { cyclesPerHour: 2 },
    [
      [0, 40],
      [1, 0],
    ],
    [2, 40],
    'goes',
  ],
  [
    'the third cycle of two',
    { cyclesPerHour: 2 },
    [
      [0, 40],
      [1, 0],
      [5, 40],
      [6, 0],
    ],
    [10, 40],
    'too-soon 50',
  ],
  [
    'the third when the first is an hour ago',
    { cyclesPerHour: 2 },
    [
      [0, 40],
      [1, 0],
      [5, 40],
      [6, 0],
    ],
    [60, 40],
    'goes',
  ],
  ['from away to away is no cycle', { cyclesPerHour: 1 }, [[0, 40]], [1, 50], 'goes'],
  [
    'from safe after an unsure way there',
    { cyclesPerHour: 1 },
    [
      [0, 40],
      [1, 0, 'unsure'],
    ],
    [2, 50],
    'too-soon 58',
  ],
  ['an unsure way out counts', { cyclesPerHour: 1 }, [[0, 40, 'unsure']], [1, 40], 'too-soon 59'],
  [
    'found away at the start',
    { cyclesPerHour: 1 },
    [
      [0, 40],
      [30, 50, 'seen'],
    ],
    [31, 60],
    'goes',
  ],
  [
    'found safe at the start, by hand',
    { cyclesPerHour: 1 },
    [
      [0, 40],
      [30, 0, 'seen'],
    ],
    [31, 60],
    'too-soon 29',
  ],
  ['a log that was lost', { cyclesPerHour: 1 }, [], [31, 60], 'too-soon 29', 0],

  ['a step within', { rateOfChange: { by: 10, per: MINUTE } }, [[0, 40, 'seen']], [0, 50], 'goes'],
  ['a step too far', { rateOfChange: { by: 10, per: MINUTE } }, [[0, 40, 'seen']], [0, 51], 'step-too-large'],
  [
    'two steps in one window',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 40, 'seen'],
      [1, 50],
    ],
    [1.5, 60],
    'step-too-large 0.5',
  ],
  [
    'two steps in two windows',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 40, 'seen'],
      [1, 50],
    ],
    [2, 60],
    'goes',
  ],
  [
    'back and forth within',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 40, 'seen'],
      [1, 50],
    ],
    [1.5, 40],
    'goes',
  ],
  [
    'forth, back and further back',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 40, 'seen'],
      [1, 50],
      [1.2, 40],
    ],
    [1.5, 35],
    'step-too-large 0.7',
  ],
  [
    'away again after a way to safe',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 80, 'seen'],
      [1, 0],
    ],
    [1.5, 5],
    'step-too-large 0.5',
  ],
  [
    'the same when the window is over',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 80, 'seen'],
      [1, 0],
    ],
    [2, 5],
    'goes',
  ],
  [
    'from where it may not be',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 40, 'seen'],
      [1, 50, 'unsure'],
    ],
    [5, 60],
    'step-too-large',
  ],
  [
    'what fits where it may be, too',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 40, 'seen'],
      [1, 50, 'unsure'],
    ],
    [5, 45],
    'goes',
  ],
  [
    'before what was first written it may have been anywhere',
    { rateOfChange: { by: 10, per: MINUTE } },
    [[0, 0]],
    [0.5, 5],
    'position-unknown 0.5',
  ],
  ['and not for ever', { rateOfChange: { by: 10, per: MINUTE } }, [[0, 0]], [1, 5], 'goes'],
  [
    'an unsure first one does not tell',
    { rateOfChange: { by: 10, per: MINUTE } },
    [
      [0, 0, 'unsure'],
      [3, 2, 'seen'],
    ],
    [3.5, 5],
    'position-unknown 0.5',
  ],
  [
    'a log that was lost, and feedback',
    { rateOfChange: { by: 10, per: MINUTE } },
    [[0.2, 40, 'seen']],
    [0.5, 40],
    'position-unknown 0.5',
    0,
  ],
]

for (const [what, pace, told, [minute, value], answer, knownSince] of ROWS) {
  test(`${what}: ${answer}`, () => {
    const known = knownSince === undefined ? EVER : knownSince * MINUTE
    const refusal = checkPace('valve', { ...NONE, ...pace }, history(told, known), value, minute * MINUTE)
    const wait =
      refusal?.retryAfter === undefined ? '' : ` ${Number((refusal.retryAfter / MINUTE).toFixed(3))}`
    assert.equal(refusal === undefined ? 'goes' : `${refusal.code}${wait}`, answer)
    if (refusal) assert.ok((refusal.remedy ?? '').length > 0, 'it says what to do')
  })
}

test('a step too large is told with what it takes now, or with how to get there', () => {
  const pace = { ...NONE, rateOfChange: { by: 10, per: MINUTE } }
  const remedy = (told: readonly Told[], minute: number, value: number) =>
    checkPace('valve', pace, history(told), value, minute * MINUTE)?.remedy ?? ''
  assert.equal(remedy([[0, 40, 'seen']], 0, 90), 'now it takes 30 to 50; go on from there in steps')
  assert.match(
    remedy(
      [
        [0, 80, 'seen'],
        [1, 0],
      ],
      1.5,
      50,
    ),
    /in steps of 10, 1m apart/,
  )
  assert.match(
    remedy(
      [
        [0, 80, 'seen'],
        [1, 0, 'unsure'],
      ],
      1.5,
      50,
    ),
    /set it to its safe state first/,
  )
})

test('what no limit looks at any more is forgotten, and what stood at the edge of the hour is not', () => {
  const told: readonly Told[] = [
    [0, 10],
    [1, 20],
    [2, 30, 'unsure'],
    [62, 40],
  ]
  const minutes = (now: number) => prune(history(told), now * MINUTE).moves.map(({ at }) => at / MINUTE)
  assert.deepEqual(minutes(60), [0, 1, 2, 62])
  assert.deepEqual(minutes(61), [1, 2, 62])
  assert.deepEqual(minutes(121), [1, 2, 62], 'an unsure move ends nothing')
  assert.deepEqual(minutes(122), [62])
})

/** What happens, one after the other: time passes, then somebody wants a value; the device takes it surely, unsurely or not at all. */
const step = fc.record({
  pause: fc.oneof(
    fc.constantFrom(0, 1, 999, 1000, 5000, 59_000, 60_000, HORIZON - 1000, HORIZON),
    fc.integer({ min: 0, max: 20_000 }),
  ),
  value: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 })),
  fate: fc.constantFrom('taken', 'taken', 'taken', 'unsure-taken', 'unsure-lost', 'refused'),
})

const interval = fc.constantFrom(1000, 1001, 6000, MINUTE)
const cycles = fc.integer({ min: 1, max: 4 })
const rate = fc.record({
  by: fc.integer({ min: 1, max: 20 }),
  per: fc.constantFrom(1000, 1001, 6000, MINUTE, HORIZON),
})
// Each by itself most of the time: together they stop nearly everything, and then little is tried.
const limits: fc.Arbitrary<Pace> = fc.oneof(
  interval.map(minimumInterval => ({ ...NONE, minimumInterval })),
  cycles.map(cyclesPerHour => ({ ...NONE, cyclesPerHour })),
  rate.map(rateOfChange => ({ ...NONE, rateOfChange })),
  fc.record({ minimumInterval: interval, cyclesPerHour: cycles, rateOfChange: rate }),
)

interface Truth {
  readonly at: number
  readonly value: number
  readonly isWritten: boolean
}

test('whatever is asked, and whatever becomes of it: in any window each limit holds for what the device really took', () => {
  let went = 0
  let stopped = 0
  fc.assert(
    fc.property(
      limits,
      fc.integer({ min: 0, max: 30 }),
      fc.array(step, { minLength: 20, maxLength: 60 }),
      (pace, start, steps) => {
        let now = 0
        const truth: Truth[] = [{ at: now, value: start, isWritten: false }]
        let known = history([[0, start, 'seen']])
        for (const { pause, value, fate } of steps) {
          now += pause
          if (value !== 0 && checkPace('valve', pace, known, value, now)) {
            stopped += 1
            continue
          }
          if (value !== 0) went += 1
          if (fate === 'refused') continue
          const move = { at: now, value, isSafe: value === 0, isWritten: true, isSure: fate === 'taken' }
          known = prune({ ...known, moves: [...known.moves, move] }, now)
          if (fate !== 'unsure-lost') truth.push({ at: now, value, isWritten: true })
        }
        assertLimits(pace, truth)
      },
    ),
    { seed: 20260601, numRuns: 5000 },
  )
  assert.ok(went > 10_000 && stopped > 10_000, `${went} went, ${stopped} were stopped: both must happen`)
})

/** By brute force, over everything that the device took. */
function assertLimits({ minimumInterval, cyclesPerHour, rateOfChange }: Pace, truth: readonly Truth[]): void {
  const away = truth.filter(({ value, isWritten }) => isWritten && value !== 0)
  const left = truth.filter(({ value }, index) => value !== 0 && truth[index - 1]?.value === 0)
  for (const [index, { at }] of away.entries()) {
    const before = away[index - 1]
    if (minimumInterval !== undefined && before) assert.ok(at - before.at >= minimumInterval)
  }
  for (const { at } of left) {
    const within = left.filter(other => other.at <= at && other.at > at - HORIZON)
    if (cyclesPerHour !== undefined) assert.ok(within.length <= cyclesPerHour)
  }
  if (rateOfChange === undefined) return
  for (const [index, { at, value, isWritten }] of truth.entries()) {
    if (!isWritten || value === 0) continue
    // What stood at some time within the window ended inside it, or had not ended.
    const stood: readonly Truth[] = truth
      .slice(0, index)
      .filter((_, place) => (truth[place + 1]?.at ?? at) > at - rateOfChange.per)
    for (const earlier of stood) assert.ok(Math.abs(value - earlier.value) <= rateOfChange.by)
  }
}
