import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '../../model/time.ts'
import { CATCH_UP_MAX, runScans } from '../../simulator/scan-loop.ts'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

/** A clock on which each sleep takes as long as the next of these, whatever was asked for; it ends with the last. */
function oversleeping(naps: readonly number[], stop: AbortController): Clock {
  let now = 0
  let nap = 0
  return {
    wall: () => now,
    monotonic: () => now,
    async sleep() {
      now += naps[nap++] ?? 0
      if (nap === naps.length) stop.abort()
    },
  }
}

describe('the scan loop', () => {
  it('scans once a cycle and stops when it is told to', async () => {
    const clock = new VirtualClock()
    const stop = new AbortController()
    const scans: number[] = []
    const done = runScans(clock, [{ cycle: 10, scan: () => scans.push(clock.monotonic()) }], stop.signal)
    await clock.advance(35)
    stop.abort()
    await done
    assert.deepEqual(scans, [10, 20, 30])
  })

  it('runs several cycles side by side, each on its own grid, in the order of their time', async () => {
    const clock = new VirtualClock()
    const stop = new AbortController()
    const log: string[] = []
    const task = (name: string, cycle: number) => ({ cycle, scan: (at: number) => log.push(`${name} ${at}`) })
    const done = runScans(clock, [task('slow', 25), task('fast', 10)], stop.signal)
    await clock.advance(50)
    stop.abort()
    await done
    assert.deepEqual(log, ['fast 10', 'fast 20', 'slow 25', 'fast 30', 'fast 40', 'slow 50', 'fast 50'])
  })

  it('makes good the cycles that a late wake-up missed', async () => {
    const stop = new AbortController()
    const scans: number[] = []
    const clock = oversleeping([37, 37, 0], stop)
    await runScans(clock, [{ cycle: 10, scan: at => scans.push(at) }], stop.signal)
    assert.deepEqual(scans, [10, 20, 30, 40, 50, 60, 70])
  })

  it('lets plant time stand still for what is more than it can make good, and says how long', async () => {
    const stop = new AbortController()
    const scans: number[] = []
    let lost = 0
    const hour = 3_600_000
    const clock = oversleeping([10, hour, 5, 5, 0], stop)
    await runScans(clock, [{ cycle: 10, scan: at => scans.push(at) }], stop.signal, ms => {
      lost += ms
    })
    assert.equal(scans.length, 1 + CATCH_UP_MAX + 2)
    // Plant time goes on without a gap.
    assert.deepEqual(
      scans,
      scans.map((_, i) => (i + 1) * 10),
    )
    assert.equal(lost, hour - (CATCH_UP_MAX + 1) * 10)
  })
})
