import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AlarmView } from '../../../console/alarm-view.ts'
import { type AlarmRow, alarmRows, newsIn } from '../../../console/panel/alarm-row.ts'
import { Reach } from '../../../console/panel/reach.ts'
import { DEFAULT_ROLES } from '../../../model/role.ts'
import { HOLDER } from './holder.ts'

const REACH = new Reach(HOLDER, DEFAULT_ROLES)
const NOW = Date.parse('2026-01-31T12:00:00Z')
const ACKNOWLEDGED = { by: 'subject alice', at: '2026-01-31T11:59:00Z' }
const SHELVED = { by: 'subject alice', until: '2026-02-01T08:00:00Z', reason: 'load test' }

function alarm(of: Partial<AlarmView> = {}): AlarmView {
  return {
    id: 7,
    alarm: 'trip',
    state: 'unacknowledged',
    severity: 'critical',
    priority: 1,
    actuator: 'inlet-valve',
    detail: 'by erika',
    consequence: 'it stays there',
    remedy: 'look at the plant',
    count: 1,
    first: '2026-01-31T11:57:30Z',
    last: '2026-01-31T11:57:30Z',
    ...of,
  }
}
const rowOf = (of: Partial<AlarmView>): AlarmRow => {
  const [row] = alarmRows([alarm(of)], REACH, NOW, 'UTC')
  assert.ok(row)
  return row
}

describe('an alarm', () => {
  const rows: [of: Partial<AlarmView>, state: string, does: string][] = [
    [{}, 'NOT ACKNOWLEDGED', 'blinks, acknowledge'],
    [{ severity: 'warning' }, 'NOT ACKNOWLEDGED', 'blinks, acknowledge, shelve'],
    [
      { state: 'latched', severity: 'warning' },
      'LATCHED: stands until it is acknowledged',
      'blinks, acknowledge, shelve',
    ],
    [{ state: 'cleared', severity: 'warning' }, 'OVER, not acknowledged', 'acknowledge, shelve'],
    [{ state: 'acknowledged', acknowledged: ACKNOWLEDGED }, 'acknowledged by subject alice', ''],
    [
      { state: 'acknowledged', severity: 'warning', acknowledged: ACKNOWLEDGED },
      'acknowledged by subject alice',
      'shelve',
    ],
    [
      { state: 'shelved', severity: 'warning', shelved: SHELVED },
      'shelved by subject alice until 2026-02-01 08:00:00: load test',
      'unshelve',
    ],
  ]
  for (const [of, state, does] of rows)
    test(`that is ${of.severity ?? 'critical'} and ${of.state ?? 'unacknowledged'} says so: ${does || 'nothing to press'}`, () => {
      const row = rowOf(of)
      assert.equal(row.state, state)
      const pressed = [
        row.isUnseen && 'blinks',
        row.canAcknowledge && 'acknowledge',
        row.canShelve && 'shelve',
        row.isShelved && 'unshelve',
      ].filter(word => word !== false)
      assert.equal(pressed.join(', '), does)
    })

  test('says what it is about, since when, and how often', () => {
    const row = rowOf({ count: 3, last: '2026-01-31T11:59:59Z' })
    assert.equal(row.about, 'inlet-valve')
    assert.equal(row.when, 'since 11:57:30 (3m ago), 3 times, last at 11:59:59')
    assert.match(row.cause, /driven to its safe state/)
  })

  test('is not acknowledged by whoever may not, and the row says why', () => {
    const viewer = new Reach({ ...HOLDER, roles: ['viewer'] }, DEFAULT_ROLES)
    assert.equal(alarmRows([alarm()], viewer, NOW)[0]?.denied, 'the role viewer may not acknowledge')
    assert.equal(rowOf({}).denied, undefined)
  })

  test('of a name that this page does not know is shown all the same', () => {
    const row = rowOf({ alarm: 'constructor', remedy: 'ask' })
    assert.deepEqual([row.name, row.cause, row.remedy], ['constructor', '', 'ask'])
  })
})

test('the list is by priority, then the newest, and what is shelved last, however the agent orders it', () => {
  const list = [
    alarm({ id: 1, priority: 3 }),
    alarm({ id: 2, priority: 1, state: 'shelved', shelved: SHELVED }),
    alarm({ id: 3, priority: 2 }),
    alarm({ id: 4, priority: 1 }),
    alarm({ id: 5, priority: 1 }),
  ]
  const order = (alarms: readonly AlarmView[]) => alarmRows(alarms, REACH, NOW).map(({ id }) => id)
  assert.deepEqual(order(list), [5, 4, 3, 1, 2])
  assert.deepEqual(order(list.toReversed()), [5, 4, 3, 1, 2])
})

test('read aloud is what nobody has seen and was not said before, and nothing twice', () => {
  const before = alarmRows([alarm(), alarm({ id: 8, detail: 'old' })], REACH, NOW)
  assert.equal(newsIn(before, before), '')
  const after = alarmRows(
    [
      alarm(),
      alarm({ id: 8, detail: 'new' }),
      alarm({ id: 9, state: 'acknowledged', acknowledged: ACKNOWLEDGED }),
    ],
    REACH,
    NOW,
  )
  assert.equal(newsIn(before, after), 'critical alarm: trip inlet-valve: new')
  assert.equal(newsIn([], alarmRows([alarm()], REACH, NOW)), 'critical alarm: trip inlet-valve: by erika')
})
