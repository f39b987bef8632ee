import type { MasterKeyAnswer, MasterKeyUnavailable } from '../master-key.ts'

/**
 * What `work` comes to, or `late` as soon as `signal` aborts; when it has aborted already, the work is not begun. Reading a file cannot
 * be called off: an answer that comes too late is wiped.
 */
export async function answerBefore(
  signal: AbortSignal,
  late: MasterKeyUnavailable,
  work: () => Promise<MasterKeyAnswer>,
): Promise<MasterKeyAnswer> {
  if (signal.aborted) return late
  const over = Promise.withResolvers<MasterKeyUnavailable>()
  const abort = () => over.resolve(late)
  signal.addEventListener('abort', abort, { once: true })
  const working = work()
  try {
    const answer = await Promise.race([working, over.promise])
    if (answer === late) working.then(wipe, () => undefined)
    return answer
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function wipe(answer: MasterKeyAnswer): void {
  if (answer.kind === 'mac') answer.mac.fill(0)
}
