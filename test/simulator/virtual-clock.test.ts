import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../../simulator/virtual-clock.ts'

describe('a virtual clock', () => {
  it('wakes sleepers in order, each at its own time, with what they do done before time goes on', async () => {
    const clock = new VirtualClock(1000)
    const log: string[] = []
    const sleeper = async (name: string, ...naps: number[]) => {
      for (const nap of naps) {
        await clock.sleep(nap)
        log.push(`${name} ${clock.monotonic()}`)
      }
    }
    const done = Promise.all([sleeper('a', 20, 20), sleeper('b', 10, 25), sleeper('late', 100)])
    await clock.advance(50)
    assert.deepEqual(log, ['b 10', 'a 20', 'b 35', 'a 40'])
    assert.equal(clock.monotonic(), 50)
    assert.equal(clock.wall(), 1050)
    await clock.advance(50)
    await done
    assert.equal(log.at(-1), 'late 100')
  })

  it('wakes a sleeper at once when it is aborted, before or during its sleep', async () => {
    const clock = new VirtualClock()
    const abort = new AbortController()
    const sleeping = clock.sleep(1000, abort.signal)
    abort.abort()
    await sleeping
    await clock.sleep(1000, abort.signal)
    assert.equal(clock.monotonic(), 0)
  })
})
