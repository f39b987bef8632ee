import type { Clock, Millis } from '../model/time.ts'

/** A timer of Node's takes no more (24.8 days), and fires at once when it is asked for more. */
const TIMER_MAX: Millis = 2 ** 31 - 1

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
