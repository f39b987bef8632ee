import { performance } from 'node:perf_hooks'
import { type Clock, formatDuration, type Millis } from '../../model/time.ts'
import type { Failure } from './failure.ts'

/** Gives the answer when it comes, however late, and calls `onStall` once when it has taken longer than `limit`. */
export async function watchForStall<Answer>(
  answer: Promise<Answer>,
  clock: Clock,
  limit: Millis,
  onStall: () => void,
): Promise<Answer> {
  const answered = new AbortController()
  void watch(clock, limit, answered.signal, onStall)
  try {
    return await answer
  } finally {
    answered.abort()
  }
}

async function watch(clock: Clock, limit: Millis, answered: AbortSignal, onStall: () => void): Promise<void> {
  const began = performance.now()
  await clock.sleep(limit, answered)
  // The disk lives in real time, even where somebody else moves the clock: a jump of the clock is not a stall.
  const isReal = performance.now() - began >= limit * 0.9
  if (!answered.aborted && isReal) onStall()
}

/** What it means that a commit takes longer than `limit`. */
export function stallFailure(limit: Millis): Failure {
  return {
    kind: 'unwritable',
    detail: `the disk has not taken a commit for ${formatDuration(limit)}`,
    remedy: 'look at the disk (dmesg, iostat); the agent goes on by itself when it answers',
  }
}
