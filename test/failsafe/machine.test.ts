import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NORMAL, step, type TripEvent, type TripState } from '../../failsafe/machine.ts'
import { TRIP_CAUSES } from '../../model/trip.ts'

const record = { cause: 'authentication-failures', detail: 'first', at: 1 } as const
const seen = { ...record, acknowledged: { by: 'erika', at: 2 } } as const
const interlock = { cause: 'interlock', detail: 'first', at: 1 } as const

/** Every state that makes a difference. */
const STATES = {
  normal: NORMAL,
  tripping: { phase: 'tripping', record, latched: true },
  'tripping by an interlock': { phase: 'tripping', record: interlock, latched: false },
  'trip-failed': { phase: 'trip-failed', record, latched: true },
  'trip-failed by an interlock': { phase: 'trip-failed', record: interlock, latched: false },
  tripped: { phase: 'tripped', record, latched: true },
  'tripped by an interlock': { phase: 'tripped', record: interlock, latched: false },
  'tripped, acknowledged': { phase: 'tripped', record: seen, latched: true },
  'tripped by an interlock, acknowledged': {
    phase: 'tripped',
    record: { ...interlock, acknowledged: { by: 'erika', at: 2 } },
    latched: false,
  },
  resetting: { phase: 'resetting', record: seen, latched: true },
} as const satisfies Record<string, TripState>

const EVENTS = {
  trip: { type: 'trip', cause: 'process-limit', detail: 'second', at: 3 },
  'by hand': { type: 'trip', cause: 'manual', detail: 'third', at: 3 },
  interlock: { type: 'trip', cause: 'interlock', detail: 'second', at: 3 },
  'interlock-healthy': { type: 'interlock-healthy' },
  'safe-verified': { type: 'safe-verified' },
  'safe-overdue': { type: 'safe-overdue', detail: 'feedback shows 500' },
  'safe-lost': { type: 'safe-lost', detail: 'feedback shows 1000' },
  acknowledged: { type: 'acknowledged', by: 'hans', at: 4 },
  'reset-requested': { type: 'reset-requested' },
  'reset-granted': { type: 'reset-granted' },
  'reset-withdrawn': { type: 'reset-withdrawn' },
} as const satisfies Record<string, TripEvent>

const TRIP = 'tripping: alarm drive record:trip keep-latch'
const SAFE = 'tripped: record:trip-safe keep-latch'
const OVERDUE = 'trip-failed: alarm record:trip-failed'
const LOST = 'tripping: alarm drive record:trip-safe-lost keep-latch'
const SEEN = 'record:trip-acknowledged keep-latch'
/** An interlock was first and now it takes a reset: it is on its way already, so nothing is driven. */
const JOINED = 'alarm record:trip keep-latch'

/** Somebody wants it stopped that is stopped already: that is on record, and takes an acknowledgement of its own. */
const AGAIN = 'record:trip keep-latch'

/** Every pair of state and event: the phase that follows, where it is another, and what is asked for. A dash: it does not move. */
const TABLE: Readonly<Record<keyof typeof STATES, Readonly<Record<keyof typeof EVENTS, string>>>> = {
  normal: {
    trip: TRIP,
    'by hand': TRIP,
    interlock: TRIP,
    'interlock-healthy': '-',
    'safe-verified': '-',
    'safe-overdue': '-',
    'safe-lost': '-',
    acknowledged: '-',
    'reset-requested': '-',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  tripping: {
    trip: '-',
    'by hand': `tripping: ${AGAIN}`,
    interlock: '-',
    'interlock-healthy': '-',
    'safe-verified': SAFE,
    'safe-overdue': OVERDUE,
    'safe-lost': '-',
    acknowledged: `tripping: ${SEEN}`,
    'reset-requested': '-',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  'tripping by an interlock': {
    trip: `tripping: ${JOINED}`,
    'by hand': `tripping: ${JOINED}`,
    interlock: '-',
    'interlock-healthy': '-',
    'safe-verified': SAFE,
    'safe-overdue': OVERDUE,
    'safe-lost': '-',
    acknowledged: `tripping: ${SEEN}`,
    'reset-requested': '-',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  'trip-failed': {
    trip: '-',
    'by hand': `trip-failed: ${AGAIN}`,
    interlock: '-',
    'interlock-healthy': '-',
    'safe-verified': SAFE,
    'safe-overdue': '-',
    'safe-lost': '-',
    acknowledged: `trip-failed: ${SEEN}`,
    'reset-requested': '-',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  'trip-failed by an interlock': {
    trip: `trip-failed: ${JOINED}`,
    'by hand': `trip-failed: ${JOINED}`,
    interlock: '-',
    'interlock-healthy': '-',
    'safe-verified': SAFE,
    'safe-overdue': '-',
    'safe-lost': '-',
    acknowledged: `trip-failed: ${SEEN}`,
    'reset-requested': '-',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  tripped: {
    trip: '-',
    'by hand': `tripped: ${AGAIN}`,
    interlock: '-',
    'interlock-healthy': '-',
    'safe-verified': '-',
    'safe-overdue': '-',
    'safe-lost': LOST,
    acknowledged: `tripped: ${SEEN}`,
    // Nobody has seen it yet.
    'reset-requested': '-',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  'tripped by an interlock': {
    trip: `tripped: ${JOINED}`,
    'by hand': `tripped: ${JOINED}`,
    interlock: '-',
    'interlock-healthy': 'normal: record:interlock-ended clear-latch',
    'safe-verified': '-',
    'safe-overdue': '-',
    'safe-lost': LOST,
    acknowledged: `tripped: ${SEEN}`,
    'reset-requested': '-',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  'tripped, acknowledged': {
    trip: '-',
    'by hand': `tripped: ${AGAIN}`,
    interlock: '-',
    'interlock-healthy': '-',
    'safe-verified': '-',
    'safe-overdue': '-',
    'safe-lost': LOST,
    acknowledged: '-',
    'reset-requested': 'resetting: ',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  'tripped by an interlock, acknowledged': {
    trip: `tripped: ${JOINED}`,
    'by hand': `tripped: ${JOINED}`,
    interlock: '-',
    'interlock-healthy': 'normal: record:interlock-ended clear-latch',
    'safe-verified': '-',
    'safe-overdue': '-',
    'safe-lost': LOST,
    acknowledged: '-',
    // It ends by itself.
    'reset-requested': '-',
    'reset-granted': '-',
    'reset-withdrawn': '-',
  },
  resetting: {
    trip: TRIP,
    'by hand': TRIP,
    // It is safe, which is all that an interlock asks for.
    interlock: '-',
    'interlock-healthy': '-',
    'safe-verified': '-',
    'safe-overdue': '-',
    'safe-lost': LOST,
    acknowledged: '-',
    'reset-requested': '-',
    'reset-granted': 'normal: clear-latch',
    'reset-withdrawn': 'tripped: ',
  },
}

for (const [from, row] of Object.entries(TABLE)) {
  for (const [event, expected] of Object.entries(row)) {
    test(`${from} + ${event} → ${expected === '-' ? 'stays' : expected}`, () => {
      const before: TripState = STATES[from as keyof typeof STATES]
      const { state, effects } = step(before, EVENTS[event as keyof typeof EVENTS])
      const asked = effects.map(effect => (effect.type === 'record' ? `record:${effect.kind}` : effect.type))
      if (expected === '-') assert.deepEqual([state, asked], [before, []])
      else assert.equal(`${state.phase}: ${asked.join(' ')}`, expected)
    })
  }
}

test('what nobody has seen yet is not acknowledged: an actuator that left its safe state, or tripped anew, or by hand, or for what is more than an interlock', () => {
  for (const [state, event] of [
    [STATES['tripped, acknowledged'], EVENTS['safe-lost']],
    [STATES.resetting, EVENTS['safe-lost']],
    [STATES.resetting, EVENTS.trip],
    [STATES['tripped, acknowledged'], EVENTS['by hand']],
    [{ ...STATES['tripped, acknowledged'], latched: false }, EVENTS.trip],
  ] as const)
    assert.deepEqual(step(state, event).state.record, record)
})

test('every cause but an interlock takes a reset', () => {
  for (const cause of TRIP_CAUSES) {
    const { state } = step(NORMAL, { type: 'trip', cause, detail: '', at: 1 })
    assert.equal(state.latched, cause !== 'interlock', cause)
  }
})

const event = fc.constantFrom<TripEvent>(...Object.values(EVENTS))

test('from any sequence of events: only a granted reset ends what is latched, and the first-out cause is kept until then', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), events => {
      let state: TripState = NORMAL
      let wasSeen = false
      for (const next of events) {
        const { state: after, effects } = step(state, next)
        if (state.phase !== 'normal' && after.phase === 'normal') {
          assert.equal(next.type, state.latched ? 'reset-granted' : 'interlock-healthy')
          if (state.latched) assert.ok(wasSeen, 'no reset before somebody has seen it')
        }
        if (state.phase !== 'normal' && after.phase !== 'normal') {
          assert.equal(after.record?.cause, state.record?.cause)
          assert.equal(after.record?.detail, state.record?.detail)
          assert.ok(!state.latched || after.latched, 'what is latched stays latched')
        }
        if (after.phase !== 'normal') assert.ok(after.record, 'a trip always has a cause')
        if (effects.some(({ type }) => type === 'drive')) assert.equal(after.phase, 'tripping')
        wasSeen = after.record?.acknowledged !== undefined
        state = after
      }
    }),
    { numRuns: 2000 },
  )
})

test('every trip asks for an alarm before it asks for motion, and for a record after', () => {
  const order = step(NORMAL, EVENTS.trip).effects.map(({ type }) => type)
  assert.deepEqual(order, ['alarm', 'drive', 'record', 'keep-latch'])
})
