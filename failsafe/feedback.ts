import type { Driver, ReadPurpose, ReadResult } from '../drivers/driver.ts'
import type { Clock, Millis } from '../model/time.ts'

export interface FeedbackWish {
  readonly driver: Driver
  readonly point: string
  /** The feedback value that is waited for, and how far from it still counts as there. */
  readonly value: number
  readonly tolerance: number
  /** How long the actuator may travel. */
  readonly within: Millis
  /** Deadline of one read. */
  readonly readTimeout: Millis
  readonly purpose: ReadPurpose
  /** Told of each answer of the device that does not show the wished value. */
  readonly seen?: (reading: ReadResult) => void
}

export interface FeedbackSeen {
  readonly reached: boolean
  /** The last answer of the device. */
  readonly last: ReadResult
}

/** Whether a feedback value stands for the wished one. */
export function isThere(value: number, wished: number, tolerance: number): boolean {
  return Math.abs(value - wished) <= tolerance
}

const POLL_FIRST: Millis = 5
const POLL_MAX: Millis = 100

/**
 * Reads an actuator's feedback until it shows the wished value, the travel time has passed, or the signal aborts. Polls
 * fast at first, because many actuators are quick, then ever slower, because the others should not be pestered.
 */
export async function awaitFeedback(
  wish: FeedbackWish,
  clock: Clock,
  signal: AbortSignal,
): Promise<FeedbackSeen> {
  const deadline = clock.monotonic() + wish.within
  let pause = POLL_FIRST
  for (;;) {
    const last = await wish.driver.read(wish.point, wish.readTimeout, signal, wish.purpose)
    if (last.kind === 'value' && isThere(last.value, wish.value, wish.tolerance))
      return { reached: true, last }
    wish.seen?.(last)
    const left = deadline - clock.monotonic()
    if (left <= 0 || signal.aborted) return { reached: false, last }
    await clock.sleep(Math.min(pause, left), signal)
    pause = Math.min(pause * 1.5, POLL_MAX)
  }
}
