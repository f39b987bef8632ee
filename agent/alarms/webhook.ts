import { formOf } from '../../model/alarm.ts'
import type { Json } from '../../model/json.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { Alarms, AlarmTold } from './alarms.ts'
import { priorityIn, type StandingAlarm, stateOf } from './standing.ts'

export type Delivered =
  | { readonly kind: 'delivered' }
  /** It may work later: nobody answered, or the receiver asks for patience. */
  | { readonly kind: 'failed'; readonly detail: string }
  /** It will not: the receiver does not want this one. */
  | { readonly kind: 'refused'; readonly detail: string }

export interface WebhookParts {
  /** Sends one message, once. Never rejects. */
  deliver(message: Json, stop: AbortSignal): Promise<Delivered>
  readonly from: { readonly environment: string; readonly gateway: string }
  readonly alarms: Pick<Alarms, 'raise' | 'clear' | 'list'>
  readonly clock: Clock
  /** Names a message, never the same twice, so that a receiver knows one that comes again. */
  newId(): string
}

const RETRY_FIRST: Millis = 1000
const RETRY_MAX: Millis = 5 * 60_000
/** So many tries go wrong before an alarm says so. */
const TRIES_BEFORE_ALARM = 5
/** More than this wait behind the one that is being tried: the oldest go, and are counted. */
const WAITING_MAX = 1000

/**
 * Tells somebody else's program of alarms: one message at a time, in their order, each until it is taken. What waits is in memory: a restart
 * begins with what stands then.
 */
export class Webhook implements AsyncDisposable {
  readonly #parts: WebhookParts
  readonly #stop = new AbortController()
  readonly #waiting: { readonly [member: string]: Json }[] = []
  #lost = 0
  #running: Promise<void> | undefined

  constructor(parts: WebhookParts) {
    this.#parts = parts
    for (const alarm of parts.alarms.list.toReversed())
      if (alarm.active && !alarm.shelf && !alarm.seen) this.tell({ news: 'raised', alarm })
  }

  tell({ news, alarm }: AlarmTold): void {
    const { from, clock, newId } = this.#parts
    if (this.#waiting.length >= WAITING_MAX) {
      this.#waiting.shift()
      this.#lost += 1
    }
    this.#waiting.push({
      id: newId(),
      time: new Date(clock.wall()).toISOString(),
      ...from,
      event: news,
      ...messageOf(alarm),
    })
    this.#running ??= this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      // All that were let go were before it; what is let go while it is tried comes after.
      await this.#deliver(this.#lost > 0 ? { ...next, lost_before: this.#lost } : next)
      if (this.#stop.signal.aborted) break
    }
    this.#running = undefined
  }

  /** Tries one message until it is taken or refused, or the agent stops. */
  async #deliver(message: Json): Promise<void> {
    const { alarms, clock } = this.#parts
    for (let tries = 1; ; tries += 1) {
      const delivered = await this.#parts.deliver(message, this.#stop.signal)
      if (this.#stop.signal.aborted) return
      switch (delivered.kind) {
        case 'delivered':
          return alarms.clear('webhook-undelivered', 'the webhook takes alarms again')
        case 'refused':
          return alarms.raise('webhook-undelivered', `the webhook refuses an alarm: ${delivered.detail}`)
        case 'failed':
          if (tries === TRIES_BEFORE_ALARM)
            alarms.raise('webhook-undelivered', `the webhook takes no alarms: ${delivered.detail}; they wait`)
          await clock.sleep(Math.min(RETRY_FIRST * 2 ** (tries - 1), RETRY_MAX), this.#stop.signal)
          if (this.#stop.signal.aborted) return
      }
    }
  }
}

function messageOf(alarm: StandingAlarm): { readonly [member: string]: Json } {
  const { id, name, about, severity, detail, count, seen } = alarm
  return {
    alarm: name,
    alarm_id: id,
    state: stateOf(alarm),
    severity,
    priority: priorityIn(alarm),
    about: { ...about },
    detail,
    consequence: formOf(name).consequence,
    remedy: formOf(name).remedy,
    count,
    ...(seen ? { acknowledged_by: seen.by } : {}),
  }
}
