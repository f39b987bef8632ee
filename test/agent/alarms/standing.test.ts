import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AlarmEvent, type StandingAlarm, stateOf, step } from '../../../agent/alarms/standing.ts'
import type { AlarmName } from '../../../model/alarm.ts'
import type { Severity } from '../../../model/alarm-form.ts'

const NOW = Date.UTC(2026, 5, 1, 12)

const raised = (detail = 'a', severity: Severity = 'warning'): AlarmEvent => ({
  type: 'raised',
  detail,
  about: {},
  severity,
})
const over: AlarmEvent = { type: 'over' }
const acknowledged: AlarmEvent = { type: 'acknowledged', by: 'alice' }
const shelved: AlarmEvent = { type: 'shelved', by: 'alice', until: NOW + 1000, reason: 'known' }
const unshelved: AlarmEvent = { type: 'unshelved' }

function fresh(name: AlarmName): StandingAlarm {
  const none = { active: false, seen: undefined, shelf: undefined, cleared: undefined }
  return { id: 1, name, about: {}, severity: 'warning', detail: '', count: 0, first: NOW, last: NOW, ...none }
}

/** What an alarm goes through: its state after each event, and a star where that is told. */
function course(name: AlarmName, events: readonly AlarmEvent[]): string {
  let alarm = fresh(name)
  return events
    .map(event => {
      const after = step(alarm, event, NOW)
      alarm = after.alarm
      return `${stateOf(alarm)}${after.news ? '*' : ''}`
    })
    .join(' ')
}

describe('an alarm whose end the agent sees', () => {
  const rows: [what: string, events: AlarmEvent[], states: string][] = [
    [
      'stands until it is over and was acknowledged',
      [raised(), acknowledged, over],
      'unacknowledged* acknowledged* normal*',
    ],
    [
      'is not gone because it is over: nobody has seen it',
      [raised(), over, acknowledged],
      'unacknowledged* cleared* normal*',
    ],
    [
      'that is raised again as it was is counted, and not told',
      [raised(), raised()],
      'unacknowledged* unacknowledged',
    ],
    [
      'stays acknowledged when it is raised again as it was',
      [raised(), acknowledged, raised()],
      'unacknowledged* acknowledged* acknowledged',
    ],
    [
      'wants to be seen again when it says something new',
      [raised(), acknowledged, raised('b')],
      'unacknowledged* acknowledged* unacknowledged*',
    ],
    [
      'wants to be seen again when it gets worse',
      [raised(), acknowledged, raised('a', 'critical')],
      'unacknowledged* acknowledged* unacknowledged*',
    ],
    [
      'does not ask again when it gets better',
      [raised('a', 'critical'), acknowledged, raised('a', 'warning')],
      'unacknowledged* acknowledged* acknowledged',
    ],
    [
      'that comes back before anybody has seen it is told again',
      [raised(), over, raised()],
      'unacknowledged* cleared* unacknowledged*',
    ],
    ['is over once', [raised(), over, over], 'unacknowledged* cleared* cleared'],
    [
      'is acknowledged once',
      [raised(), acknowledged, acknowledged],
      'unacknowledged* acknowledged* acknowledged',
    ],
    [
      'on the shelf stays there when it chatters',
      [raised(), shelved, over, raised()],
      'unacknowledged* shelved* shelved* shelved*',
    ],
    [
      'comes back from the shelf as it is by then',
      [raised(), shelved, over, unshelved],
      'unacknowledged* shelved* shelved* cleared*',
    ],
    [
      'that nobody shelved is not taken off the shelf',
      [raised(), unshelved],
      'unacknowledged* unacknowledged',
    ],
    [
      'comes back from the shelf when it becomes critical',
      [raised(), shelved, raised('a', 'critical')],
      'unacknowledged* shelved* unacknowledged*',
    ],
  ]
  for (const [what, events, states] of rows) {
    it(what, () => assert.equal(course('clock-stepped', events), states))
  }
})

describe('an alarm whose end the agent cannot see', () => {
  const rows: [what: string, events: AlarmEvent[], states: string][] = [
    ['latches until somebody acknowledges it, which ends it', [raised(), acknowledged], 'latched* normal*'],
    [
      'that happens again is counted; what is new in it is told',
      [raised(), raised(), raised('b')],
      'latched* latched latched*',
    ],
    [
      'that happens after it was acknowledged is a new one',
      [raised(), acknowledged, raised()],
      'latched* normal* latched*',
    ],
  ]
  for (const [what, events, states] of rows) {
    it(what, () => assert.equal(course('authentication-failures', events), states))
  }
})

it('an alarm keeps count of how often it was raised, and when first and last', () => {
  let alarm = fresh('clock-stepped')
  for (const at of [1, 2, 3]) alarm = step(alarm, raised(`${at}`), NOW + at).alarm
  assert.deepEqual([alarm.count, alarm.first, alarm.last, alarm.detail], [3, NOW, NOW + 3, '3'])
})
