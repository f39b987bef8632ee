import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ScaledClock } from '../../simulator/scaled-clock.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

describe('a scaled clock', () => {
  it('passes so many times as fast, and wakes its sleepers by its own time', async () => {
    const base = new VirtualClock(1000)
    const clock = new ScaledClock(base, 60)
    let isAwake = false
    const sleeping = clock.sleep(60_000).then(() => {
      isAwake = true
    })
    await base.advance(999)
    assert.equal(isAwake, false)
    await base.advance(1)
    await sleeping
    assert.equal(clock.monotonic(), 60_000)
    assert.equal(clock.wall(), 61_000)
  })

  it('changes its speed without a jump, for those who sleep already too', async () => {
    const base = new VirtualClock()
    const clock = new ScaledClock(base, 1)
    let awakeAt = Number.NaN
    const sleeping = clock.sleep(1000).then(() => {
      awakeAt = base.monotonic()
    })
    await base.advance(500)
    clock.speed = 10
    assert.equal(clock.monotonic(), 500)
    await base.advance(50)
    await sleeping
    assert.equal(awakeAt, 550)
    clock.speed = 0.5
    await base.advance(100)
    assert.equal(clock.monotonic(), 1050)
  })

  it('wakes a sleeper at once when it is aborted, before or during its sleep', async () => {
    const clock = new ScaledClock(new VirtualClock(), 2)
    const abort = new AbortController()
    const sleeping = clock.sleep(1000, abort.signal)
    abort.abort()
    await sleeping
    await clock.sleep(1000, abort.signal)
    assert.equal(clock.monotonic(), 0)
  })
})
