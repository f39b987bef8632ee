import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '../../model/time.ts'
import { runScans } from '../../simulator/scan-loop.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

describe('the scan loop', () => {
  it('scans once a cycle and stops when it is told to', async () => {
    const clock = new VirtualClock()
    const stop = new AbortController()
    const scans: number[] = []
    const done = runScans(clock, 10, () => scans.push(clock.monotonic()), stop.signal)
    await clock.advance(35)
    stop.abort()
    await done
    assert.deepEqual(scans, [10, 20, 30])
  })

  it('makes good the cycles that a late wake-up missed', async () => {
    const stop = new AbortController()
    let [now, scans] = [0, 0]
    // Each sleep takes 37 ms, whatever was asked for.
    const clock: Clock = {
      wall: () => now,
      monotonic: () => now,
      async sleep() {
        now += 37
        if (now > 300) stop.abort()
      },
    }
    await runScans(clock, 10, () => scans++, stop.signal)
    assert.equal(now, 333)
    assert.equal(scans, 29)
  })
})
