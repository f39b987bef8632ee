import type { Clock, Millis } from '../model/time.ts'

/** Something that is to happen once in every `cycle`. */
export interface ScanTask {
  readonly cycle: Millis
  /** `at` is the plant's time: so long after the start this scan was due. */
  scan(at: Millis): void
}

/** Most scans that one wake-up makes good. Beyond it a machine that can't keep up would never do anything else. */
export const CATCH_UP_MAX = 1000

/**
 * Runs each task's scan once for every `cycle` that passes on the clock, until `signal` aborts. The grid is fixed: a
 * late wake-up is made good by the scans that were missed, in their order over all tasks, so plant time and clock time
 * do not drift apart. After a stall of more than `CATCH_UP_MAX` scans (a suspended machine, a speed beyond its power)
 * the rest is not made good: plant time has stood still for it, and `lost` is told how long.
 */
export async function runScans(
  clock: Clock,
  tasks: readonly ScanTask[],
  signal: AbortSignal,
  lost: (ms: Millis) => void = () => {},
): Promise<void> {
  /** The clock's time at which plant time was 0, moved on by what was lost. */
  let origin = clock.monotonic()
  const schedule = tasks.map(task => ({ task, due: task.cycle }))
  while (!signal.aborted) {
    const first = earliest(schedule)
    if (!first) return
    await clock.sleep(Math.max(0, origin + first.due - clock.monotonic()), signal)
    const now = clock.monotonic() - origin
    let scans = 0
    let next = earliest(schedule)
    for (; next && next.due <= now && !signal.aborted && scans < CATCH_UP_MAX; scans++) {
      const { task, due } = next
      next.due = due + task.cycle
      task.scan(due)
      next = earliest(schedule)
    }
    if (next && next.due <= now && !signal.aborted) {
      const behind = now - next.due
      origin += behind
      lost(behind)
    }
  }
}

function earliest<Scheduled extends { readonly due: Millis }>(
  schedule: readonly Scheduled[],
): Scheduled | undefined {
  let first: Scheduled | undefined
  for (const one of schedule) if (first === undefined || one.due < first.due) first = one
  return first
}
