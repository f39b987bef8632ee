import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { actuatorCard } from '../../../console/panel/actuator-card.ts'
import { Reach } from '../../../console/panel/reach.ts'
import type { ActuatorView } from '../../../console/status-view.ts'
import { DEFAULT_ROLES } from '../../../model/role.ts'
import { HOLDER } from './holder.ts'

const NOW = Date.parse('2026-01-31T12:00:00Z')
const FIRST_OUT = { cause: 'manual', detail: 'by erika: ozone', at: '2026-01-31T11:59:30Z' }
const SEEN = { by: 'subject erika', at: '2026-01-31T11:59:50Z' }

function cardOf(of: Partial<ActuatorView>, age = 0) {
  const view: ActuatorView = {
    id: 'inlet-valve',
    description: 'Raw water',
    takes: 'open, closed',
    safe: 'closed',
    position: 'open',
    quality: 'good',
    age_ms: 0,
    phase: 'normal',
    ...of,
  }
  return actuatorCard(view, new Reach(HOLDER, DEFAULT_ROLES), age, NOW, 'UTC')
}

describe('an actuator', () => {
  test('of which all is well is grey, and says where it was set to and where it is', () => {
    const { found, setTo, safe, look, phase, next, lines } = cardOf({ set_to: 'open' })
    assert.deepEqual(
      [found, setTo, safe, look, phase, next, lines],
      ['open', 'set to open', 'safe: closed', '', '', undefined, []],
    )
  })

  test('gets older with the answer that it came in', () => {
    assert.equal(cardOf({ age_ms: 400 }).quality, 'read just now')
    assert.equal(cardOf({ age_ms: 400 }, 2700).quality, 'read 3s ago')
  })

  test('without feedback is to be looked at, and says why', () => {
    const { age_ms: _, ...bad } = {
      age_ms: 0,
      position: null,
      quality: 'bad',
      detail: 'no answer in 500 ms',
    } as const
    const card = cardOf(bad)
    assert.deepEqual(
      [card.found, card.quality, card.isBad, card.look],
      ['no feedback', 'BAD QUALITY: no answer in 500 ms', true, 'alarm'],
    )
  })

  const phases: [phase: string, text: RegExp, look: string][] = [
    ['tripping', /^TRIPPING: .*not seen there yet$/, 'trip'],
    ['tripped', /^TRIPPED$/, 'trip'],
    ['trip-failed', /^TRIP FAILED: NOT SEEN IN ITS SAFE STATE/, 'trip'],
    ['resetting', /^being reset$/, 'trip'],
    ['a phase of another version', /^a phase of another version$/, 'trip'],
  ]
  for (const [phase, text, look] of phases)
    test(`that is ${phase} is not shown as normal`, () => {
      const card = cardOf({ phase, first_out: FIRST_OUT, set_to: 'open' })
      assert.match(card.phase, text)
      assert.deepEqual([card.look, card.setTo], [look, 'driven to its safe state'])
    })

  test('that is tripped says its first-out cause, and is acknowledged before it is reset', () => {
    const tripped = cardOf({ phase: 'tripped', first_out: FIRST_OUT })
    assert.deepEqual(tripped.lines, [
      'first-out: manual, 11:59:30 (30s ago)',
      'by erika: ozone',
      'not acknowledged yet',
    ])
    assert.equal(tripped.next, 'acknowledge')
    const seen = cardOf({ phase: 'tripped', first_out: { ...FIRST_OUT, acknowledged: SEEN } })
    assert.deepEqual([seen.lines.at(-1), seen.next], ['acknowledged by subject erika', 'reset'])
    assert.deepEqual([seen.tripDenied, seen.nextDenied], [undefined, 'the role operator may not reset'])
  })

  test('says everything that stands between it and a command', () => {
    const card = cardOf({
      unmet: { kind: 'interlock', detail: 'tank-level is 2700, not below 2650' },
      held: 'held for 5m more',
      locked_out: [{ subject: 'bob', reason: 'new seal', until: '2026-01-31T18:00:00Z' }],
      selected: [{ setpoint: 'open', subject: 'alice', until: '2026-01-31T12:00:30Z' }],
    })
    assert.deepEqual(card.lines, [
      'interlock: tank-level is 2700, not below 2650',
      'held for 5m more',
      'LOCKED OUT by bob until 2026-01-31T18:00:00Z: new seal',
      'open is selected by alice until 2026-01-31T12:00:30Z',
    ])
    assert.equal(card.look, 'alarm')
  })
})
