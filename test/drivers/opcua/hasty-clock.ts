import type { Clock } from '../../../model/time.ts'

/** Waits for a new connection take less time, so that many can be made; deadlines are real. */
export const hasty: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const timer = setTimeout(resolve, ms / 5)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    }),
}
