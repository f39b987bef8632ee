import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '../../../agent/time/system-clock.ts'

test('a sleep may be longer than one timer takes, and ends at once when it is aborted', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let isAwake = false
  const sleeping = systemClock.sleep(2 ** 31 + 1000).then(() => {
    isAwake = true
  })
  t.mock.timers.tick(2 ** 31 - 1)
  await turn()
  t.mock.timers.tick(1000)
  await turn()
  assert.equal(isAwake, false)
  t.mock.timers.tick(1)
  await sleeping
  const abort = new AbortController()
  const aborted = systemClock.sleep(2 ** 33, abort.signal)
  abort.abort()
  await aborted
})
