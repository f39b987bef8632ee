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

  it('never goes back', async () => {
    const before = realClock.monotonic()
    await realClock.sleep(1)
    assert.ok(realClock.monotonic() >= before)
  })
})
