import { setTimeout as timer } from 'node:timers/promises'
import type { Clock } from '../../model/time.ts'

/** The machine's own clocks. Everything else gets them handed in. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => timer(ms, undefined, signal ? { signal } : {}).catch(() => {}),
}
