import type { Clock, Millis } from '../../model/time.ts'
import type { Received } from './received.ts'

/** From the arrival of a request to now. */
export function latencyOf({ arrived }: Pick<Received, 'arrived'>, clock: Pick<Clock, 'monotonic'>): Millis {
  return clock.monotonic() - arrived.monotonic
}

/** A latency as every record has it: in milliseconds, with three places. */
export function recordedLatency(latency: Millis): Millis {
  return Math.round(latency * 1000) / 1000
}

/**
 * What the record of a request says of its end, where it asked for anything but a command and nothing stood against it. What fails after it was
 * written down is a refusal that follows.
 */
export function acceptedOf(
  received: Pick<Received, 'arrived'>,
  clock: Pick<Clock, 'monotonic'>,
): { readonly outcome: 'accepted'; readonly latency_ms: Millis } {
  return { outcome: 'accepted', latency_ms: recordedLatency(latencyOf(received, clock)) }
}
