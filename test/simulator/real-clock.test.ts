import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { realClock } from '../../simulator/real-clock.ts'

describe('the real clock', () => {
  it('wakes a sleeper at once when it is aborted, before or during its sleep', async () => {
    const abort = new AbortController()
    const sleeping = realClock.sleep(1_000_000, abort.signal)
    abort.abort()
    await sleeping
    await realClock.sleep(1_000_000, abort.signal)
  })

  it('sleeps longer than one timer can', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let isAwake = false
    const sleeping = realClock.sleep(2 ** 31 + 1000).then(() => {
      isAwake = true
    })
    t.mock.timers.tick(2 ** 31 - 1)
    t.mock.timers.tick(1000)
    await Promise.resolve()
    assert.equal(isAwake, false)
    t.mock.timers.tick(1)
    await sleeping
  })

  it('never goes back', async () => {
    const before = realClock.monotonic()
    await realClock.sleep(1)
    assert.ok(realClock.monotonic() >= before)
  })
})
