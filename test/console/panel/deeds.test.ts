import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcomeOf } from '../../../console/panel/deeds.ts'

const TRIP = { name: 'trip inlet-valve', done: () => 'tripped' }

test('what came of a deed is said as it is: only an answer is a success, and silence is neither that nor a failure', () => {
  assert.deepEqual(outcomeOf(TRIP, { kind: 'answered', body: {} }), {
    text: 'trip inlet-valve: tripped',
    isBad: false,
  })
  const problem = {
    type: 'x',
    title: 'No',
    status: 502,
    detail: 'its feedback does not show it',
    code: 'trip-failed',
    remedy: 'go there',
  }
  assert.deepEqual(outcomeOf(TRIP, { kind: 'problem', status: 502, problem }), {
    text: 'trip inlet-valve: NOT DONE: its feedback does not show it. Next: go there',
    isBad: true,
  })
  const silence = outcomeOf(TRIP, { kind: 'unreachable', detail: 'no answer in time' })
  assert.match(silence.text, /no answer in time\. NOBODY KNOWS/)
  assert.equal(silence.isBad, true)
})
