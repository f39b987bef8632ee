import type { Clock } from '../model/time.ts'

/** Time as the machine has it. */
export const realClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const woken = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', woken)
        resolve()
      }
      const timer = setTimeout(woken, ms)
      signal?.addEventListener('abort', woken)
    }),
}
