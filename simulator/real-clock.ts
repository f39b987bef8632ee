import { type Clock, type Millis, TIMER_MAX } from '../model/time.ts'

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
      const wait = (left: Millis): NodeJS.Timeout => setTimeout(passed, Math.min(left, TIMER_MAX), left)
      const passed = (left: Millis) => {
        if (left > TIMER_MAX) timer = wait(left - TIMER_MAX)
        else woken()
      }
      let timer = wait(ms)
      signal?.addEventListener('abort', woken)
    }),
}
