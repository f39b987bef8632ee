import timers from 'node:timers/promises'
import { type Clock, TIMER_MAX } from '../../model/time.ts'

/** The machine's own clocks. Everything else gets them handed in. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    let left = ms
    do {
      const part = Math.min(left, TIMER_MAX)
      await timers.setTimeout(part, undefined, signal ? { signal } : {}).catch(() => {})
      left -= TIMER_MAX
    } while (left > 0 && !signal?.aborted)
  },
}
