import { Refusal } from '../../model/refusal.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { Authenticated } from './authenticate.ts'
import { type Rate, RateLimits } from './rate.ts'
import type { SourceRates } from './receive.ts'
import type { Channel, Received } from './received.ts'
import { Refused } from './refused.ts'

/** Sources and credentials that are told apart at one time; see RateLimits for what comes after. */
const KEYS_MAX = 10_000

/** How often a source may ask, by its listener's rate, and how often a credential may be used, by its own caveats. */
export class Rates implements SourceRates {
  readonly #bySource = new RateLimits(KEYS_MAX)
  readonly #byCredential = new RateLimits(KEYS_MAX)
  readonly #listeners: ReadonlyMap<string, Rate>
  readonly #clock: Clock

  /** `listeners` has the rate of each listener that has one, by its name. */
  constructor(listeners: ReadonlyMap<string, Rate>, clock: Clock) {
    this.#listeners = listeners
    this.#clock = clock
  }

  take(channel: Channel, source: string): Millis {
    const rate = this.#listeners.get(channel.name)
    return rate ? this.#bySource.take(`${channel.name} ${source}`, rate, this.#clock.monotonic()) : 0
  }

  /** Counts one use of a credential. Refuses when its source or one of its caveats is over its rate. */
  check({ claims, received }: Authenticated): Refusal | undefined {
    if (received.tooEarly > 0) return tooMany(`from ${received.source}`, received.tooEarly)
    const now = this.#clock.monotonic()
    for (const caveat of claims.caveats) {
      if (caveat.kind !== 'rate') continue
      const rate = { requests: caveat.requests, period: caveat.seconds * 1000 }
      const wait = this.#byCredential.take(`${claims.serial} ${caveat.requests}/${caveat.seconds}`, rate, now)
      if (wait > 0)
        return tooMany(`with this credential, which allows ${caveat.requests} in ${caveat.seconds} s`, wait)
    }
    return undefined
  }
}

/** The refusal of a request that came too early. */
export function tooMany(whose: string, wait: Millis): Refusal {
  return new Refusal('rate-exceeded', `too many requests ${whose}`, `wait ${Math.ceil(wait / 1000)} s`, wait)
}

/** A forgery that comes too early for its source's rate is told that, and is no evidence: a flood is not an attack on a key. */
export function unlessTooEarly(received: Received, refused: Refused): Refused {
  if (received.tooEarly === 0 || refused.who) return refused
  return new Refused(tooMany(`from ${received.source}`, received.tooEarly))
}
