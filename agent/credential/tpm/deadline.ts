import { setTimeout as delay } from 'node:timers/promises'
import type { ToolFailure } from './tool.ts'

/** How long after its signal a call may still tidy up before it answers, in milliseconds. */
const GRACE_MS = 500

const OVERDUE: ToolFailure = { kind: 'failed', tool: 'tpm', cause: 'aborted', code: undefined, stderr: '' }

/**
 * What `work` comes to, or a failure once `signal` has aborted and a moment of grace is over. A command that hangs inside the
 * kernel cannot be killed; whoever asked gets an answer all the same, and the work keeps its place in the queue.
 */
export async function answerInTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T | ToolFailure> {
  const finished = new AbortController()
  const overdue = Promise.withResolvers<ToolFailure>()
  const startGrace = () => {
    const grace = delay(GRACE_MS, OVERDUE, { signal: finished.signal })
    grace.then(overdue.resolve, () => undefined)
  }
  if (signal.aborted) startGrace()
  else signal.addEventListener('abort', startGrace, { once: true, signal: finished.signal })
  try {
    return await Promise.race([work, overdue.promise])
  } finally {
    finished.abort()
    // Nobody is left to hear how work ends that was overdue.
    work.catch(() => undefined)
  }
}
