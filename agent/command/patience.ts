import type { Clock, Millis } from '../../model/time.ts'
import type { Appended } from '../audit/queue.ts'

/** So long a command towards safe waits for the log and no longer: a disk that hangs must not keep a valve open. */
const TOWARDS_SAFE_PATIENCE: Millis = 250

/** Waits for a record to be durable; for a command towards safe, not for long. */
export async function patiently(
  appended: Promise<Appended>,
  towardsSafe: boolean,
  clock: Clock,
): Promise<Appended> {
  if (!towardsSafe) return await appended
  const answered = new AbortController()
  const impatient = clock
    .sleep(TOWARDS_SAFE_PATIENCE, answered.signal)
    .then((): Appended => ({ kind: 'unwritable', detail: 'the disk has not answered yet' }))
  try {
    return await Promise.race([appended, impatient])
  } finally {
    answered.abort()
  }
}
