import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainAlarm } from '../../console/alarm-explanation.ts'
import { ALARM_NAMES } from '../../model/alarm.ts'
import { realClock } from '../../simulator/real-clock.ts'

function explain(name?: string, options: { json?: boolean } = {}) {
  const said = { out: '', err: '' }
  const code = explainAlarm(name, options, {
    clock: realClock,
    entropy: () => Buffer.alloc(0),
    out: text => {
      said.out += text
    },
    err: text => {
      said.err += text
    },
  })
  return { code, ...said }
}

test('an alarm is explained by its name, whether or not one stands', () => {
  const { code, out } = explain('disk-space')
  assert.equal(code, 0)
  assert.match(out, /^disk-space: warning, P3, rising to critical, P2; act within hours\n/)
  assert.match(out, /^ {2}cause: +less of the disk/m)
  assert.match(out, /^ {2}if nobody acts: +when it is full/m)
  assert.match(out, /^ {2}what to do: +make room/m)
  assert.match(out, /^ {2}it ends: +by itself/m)
})

test('without a name every alarm has its line', () => {
  const { out } = explain()
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map(line => line.split(/ {2,}/)[2]),
    ALARM_NAMES,
  )
})

test('as JSON it has what the table has, and the priorities', () => {
  const { alarms } = JSON.parse(explain('trip', { json: true }).out)
  assert.equal(alarms.length, 1)
  assert.equal(alarms[0].alarm, 'trip')
  assert.equal(alarms[0].priority, 1)
  assert.equal(alarms[0].worst_priority, undefined)
  assert.match(alarms[0].consequence, /./)
})

test('a name that there is not is wrong usage', () => {
  const { code, out, err } = explain('tripp')
  assert.deepEqual([code, out], [2, ''])
  assert.match(err, /there is no alarm "tripp"/)
})
