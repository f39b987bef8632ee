import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NORMAL, step, type TripEvent, type TripState } from '../../failsafe/machine.ts'
import type { TripPhase } from '../../model/trip.ts'

const record = { cause: 'authentication-failures', detail: 'first', at: 1 } as const
const EVENTS = {
  trip: { type: 'trip', cause: 'agent-stopping', detail: 'second', at: 2 },
  'safe-verified': { type: 'safe-verified' },
  'safe-overdue': { type: 'safe-overdue', detail: 'feedback shows 500' },
  'safe-lost': { type: 'safe-lost', detail: 'feedback shows 1000' },
  'reset-requested': { type: 'reset-requested' },
  'reset-granted': { type: 'reset-granted' },
  'reset-withdrawn': { type: 'reset-withdrawn' },
} as const satisfies Record<string, TripEvent>

/** Every state and event: the phase that follows and what is asked for. A dash is a row that must not move. */
const TABLE: readonly (readonly [
  from: TripPhase,
  event: keyof typeof EVENTS,
  to: TripPhase | '-',
  effects: string,
])[] = [
  ['normal', 'trip', 'tripping', 'alarm drive record:trip keep-latch'],
  ['normal', 'safe-verified', '-', ''],
  ['normal', 'safe-overdue', '-', ''],
  ['normal', 'safe-lost', '-', ''],
  ['normal', 'reset-requested', '-', ''],
  ['normal', 'reset-granted', '-', ''],
  ['normal', 'reset-withdrawn', '-', ''],
  ['tripping', 'trip', '-', ''],
  ['tripping', 'safe-verified', 'tripped', 'record:trip-safe keep-latch'],
  ['tripping', 'safe-overdue', 'trip-failed', 'alarm record:trip-failed'],
  ['tripping', 'safe-lost', '-', ''],
  ['tripping', 'reset-requested', '-', ''],
  ['tripping', 'reset-granted', '-', ''],
  ['tripping', 'reset-withdrawn', '-', ''],
  ['trip-failed', 'trip', '-', ''],
  ['trip-failed', 'safe-verified', 'tripped', 'record:trip-safe keep-latch'],
  ['trip-failed', 'safe-overdue', '-', ''],
  ['trip-failed', 'safe-lost', '-', ''],
  ['trip-failed', 'reset-requested', '-', ''],
  ['trip-failed', 'reset-granted', '-', ''],
  ['trip-failed', 'reset-withdrawn', '-', ''],
  ['tripped', 'trip', '-', ''],
  ['tripped', 'safe-verified', '-', ''],
  ['tripped', 'safe-overdue', '-', ''],
  ['tripped', 'safe-lost', 'tripping', 'alarm drive record:trip-safe-lost keep-latch'],
  ['tripped', 'reset-requested', 'resetting', ''],
  ['tripped', 'reset-granted', '-', ''],
  ['tripped', 'reset-withdrawn', '-', ''],
  ['resetting', 'trip', 'tripping', 'alarm drive record:trip keep-latch'],
  ['resetting', 'safe-verified', '-', ''],
  ['resetting', 'safe-overdue', '-', ''],
  ['resetting', 'safe-lost', 'tripping', 'alarm drive record:trip-safe-lost keep-latch'],
  ['resetting', 'reset-requested', '-', ''],
  ['resetting', 'reset-granted', 'normal', 'clear-latch'],
  ['resetting', 'reset-withdrawn', 'tripped', ''],
]

function stateOf(phase: TripPhase): TripState {
  return phase === 'normal' ? NORMAL : { phase, record }
}

for (const [from, event, to, effects] of TABLE) {
  test(`${from} + ${event} → ${to === '-' ? 'stays' : to}`, () => {
    const before = stateOf(from)
    const { state, effects: asked } = step(before, EVENTS[event])
    assert.equal(state.phase, to === '-' ? from : to)
    assert.equal(
      asked.map(effect => (effect.type === 'record' ? `record:${effect.kind}` : effect.type)).join(' '),
      effects,
    )
  })
}

test('the table has every pair of state and event once', () => {
  const phases: TripPhase[] = ['normal', 'tripping', 'tripped', 'trip-failed', 'resetting']
  const pairs = new Set(TABLE.map(([from, event]) => `${from} ${event}`))
  assert.equal(pairs.size, TABLE.length)
  assert.equal(TABLE.length, phases.length * Object.keys(EVENTS).length)
})

const event = fc.constantFrom(...Object.values(EVENTS))

test('from any sequence of events: only a granted reset leads back to normal, and the first-out cause is kept until then', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), events => {
      let state: TripState = NORMAL
      for (const next of events) {
        const { state: after } = step(state, next)
        if (state.phase !== 'normal' && after.phase === 'normal') assert.equal(next.type, 'reset-granted')
        if (state.phase !== 'normal' && after.phase !== 'normal') assert.deepEqual(after.record, state.record)
        if (after.phase !== 'normal') assert.ok(after.record, 'a trip always has a cause')
        state = after
      }
    }),
  )
})

test('every trip asks for motion before it asks for a record, and for an alarm before that', () => {
  const { effects } = step(NORMAL, EVENTS.trip)
  const order = effects.map(({ type }) => type)
  assert.ok(order.indexOf('alarm') < order.indexOf('drive'))
  assert.ok(order.indexOf('drive') < order.indexOf('record'))
  assert.ok(order.indexOf('drive') < order.indexOf('keep-latch'))
})
