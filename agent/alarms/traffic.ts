import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import { HourCount } from './hour.ts'
import type { Finding } from './measures.ts'
import { gradeAbove, type Threshold } from './threshold.ts'

/** Under so many requests an hour a share of them says nothing. */
const SHARE_OF_AT_LEAST = 20
const MINUTE: Millis = 60_000
/** Credentials that are counted apart at one time. */
const CREDENTIALS_MAX = 10_000

interface Use {
  began: MonotonicMs
  /** In the minute under way. */
  now: number
  /** In the one before it. */
  before: number
  readonly subject: string
}

/** Counts requests, for the thresholds on them. An hour's counts begin anew with the agent. */
export class Traffic {
  readonly #clock: Clock
  readonly #requests = new HourCount()
  readonly #refused = new HourCount()
  readonly #failures = new HourCount()
  readonly #uses = new Map<string, Use>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A request with a right signature. Reading counts for its credential, and not for the share that is refused. */
  used(credential: string, subject: string, isReading = false): void {
    const now = this.#clock.monotonic()
    if (!isReading) this.#requests.add(now)
    const use = this.#turned(credential, now) ?? { began: now, now: 0, before: 0, subject }
    use.now += 1
    this.#uses.delete(credential)
    this.#uses.set(credential, use)
    const [oldest] = this.#uses.keys()
    if (this.#uses.size > CREDENTIALS_MAX && oldest !== undefined) this.#uses.delete(oldest)
  }

  /** A request that was refused; `wasCounted` says whether `used` has heard of it. */
  refused(refusal: { readonly failsAuthentication: boolean; readonly wasCounted: boolean }): void {
    const now = this.#clock.monotonic()
    if (!refusal.wasCounted) this.#requests.add(now)
    this.#refused.add(now)
    if (refusal.failsAuthentication) this.#failures.add(now)
  }

  failedAuthentications(limits: Threshold): readonly Finding[] {
    const count = this.#failures.total(this.#clock.monotonic())
    const severity = gradeAbove(count, limits)
    return severity ? [{ severity, detail: `${count} requests of the last hour failed authentication` }] : []
  }

  refusals(limits: Threshold): readonly Finding[] {
    const now = this.#clock.monotonic()
    const [requests, refused] = [this.#requests.total(now), this.#refused.total(now)]
    if (requests < SHARE_OF_AT_LEAST) return []
    const severity = gradeAbove((refused / requests) * 100, limits)
    const detail = `${refused} of the last hour's ${requests} requests were refused`
    return severity ? [{ severity, detail }] : []
  }

  perCredential(limits: Threshold): readonly Finding[] {
    const now = this.#clock.monotonic()
    return [...this.#uses.keys()].flatMap(credential => {
      const use = this.#turned(credential, now)
      if (!use) return []
      const most = Math.max(use.now, use.before)
      const severity = gradeAbove(most, limits)
      if (!severity) return []
      const detail = `${use.subject}'s credential ${credential} was used ${most} times in a minute`
      return [{ severity, detail, about: { credential } }]
    })
  }

  /** A credential's counts as they are now; undefined, and forgotten, once it was not used for two minutes. */
  #turned(credential: string, now: MonotonicMs): Use | undefined {
    const use = this.#uses.get(credential)
    if (!use) return undefined
    const passed = Math.floor((now - use.began) / MINUTE)
    if (passed >= 2) {
      this.#uses.delete(credential)
      return undefined
    }
    if (passed === 1) {
      use.before = use.now
      use.now = 0
      use.began += MINUTE
    }
    return use
  }
}
