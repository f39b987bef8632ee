import type { Millis } from '../model/time.ts'
import { type Condition, troubles } from './api/status.ts'

const CONDITION_EVERY: Millis = 1000

/** Calls back with what keeps the agent from carrying out commands, whenever that changes, until the signal aborts. */
export async function watchCondition(
  condition: Condition,
  listener: (troubles: readonly string[]) => void,
  signal: AbortSignal,
): Promise<void> {
  let last = troubles(condition).join()
  while (!signal.aborted) {
    await condition.clock.sleep(CONDITION_EVERY, signal)
    const now = troubles(condition)
    if (now.join() === last) continue
    last = now.join()
    listener(now)
  }
}
