import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALARMS, alarmKey } from '../../model/alarm.ts'
import { type AlarmForm, isWorse, priorityOf, type Severity, type Urgency } from '../../model/alarm-form.ts'

const FORMS = Object.entries<AlarmForm>(ALARMS)
const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'notice']
const URGENCIES: readonly Urgency[] = ['minutes', 'hours', 'days']

test('the worse it gets and the sooner, the higher the priority: from 1 to 4', () => {
  const table = SEVERITIES.map(severity => URGENCIES.map(within => priorityOf(severity, within)))
  assert.deepEqual(table, [
    [1, 2, 3],
    [2, 3, 4],
    [3, 4, 4],
  ])
})

for (const [name, { severity, worst, ends, cause, consequence, remedy }] of FORMS) {
  test(`${name} says what it is, what comes of it and what to do, in words that fit a line of a table`, () => {
    for (const words of [cause, consequence, remedy]) {
      assert.match(words, /^\P{Cc}+$/u)
      assert.doesNotMatch(words, /\||\.$/)
    }
    assert.ok(worst === undefined || isWorse(worst, severity), 'it rises to what is worse')
    assert.ok(
      worst === undefined || ends === 'itself',
      'what gets worse by degrees is measured, and so is its end',
    )
  })
}

test('alarms are told apart by what they are about, and not by why', () => {
  const plc = alarmKey('device-unguarded', { device: 'plc', cause: 'starved' })
  assert.equal(plc, alarmKey('device-unguarded', { device: 'plc', cause: 'unguarded' }))
  assert.notEqual(plc, alarmKey('device-unguarded', { device: 'drive' }))
  assert.notEqual(alarmKey('reading-bad', { reading: 'plc' }), alarmKey('reading-bad', { device: 'plc' }))
})
