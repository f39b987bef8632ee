import type { Clock, Millis } from '../../../model/time.ts'
import type { FoundRecord } from '../search.ts'
import type { Cursor, Position } from './cursor.ts'
import type { Delivery } from './deliver.ts'

/** Where records come from: the open log. */
export interface RecordSource {
  /** The records after one, in their order, at most so many; and which log they are of. Never rejects. */
  recordsAfter(seq: number, most: number): Promise<Followed>
}

export type Followed =
  | {
      readonly kind: 'records'
      /** Hash of the log's first record, base64; undefined while it has none. */
      readonly log: string | undefined
      readonly records: readonly FoundRecord[]
    }
  | { readonly kind: 'unreadable'; readonly detail: string }

export interface ForwarderParts {
  readonly source: RecordSource
  readonly cursor: Cursor
  /** Sends messages in their order; says `delivered` only when all of them arrived. Never rejects. */
  deliver(messages: readonly string[], stop: AbortSignal): Promise<Delivery>
  /** A record as a message. */
  format(record: FoundRecord): string
  readonly clock: Clock
  /** Told once when records do not get through, in words, and once, without, when they do again. */
  onTrouble(detail: string | undefined): void
}

/** Most records in one delivery: what is sent again when its end is in doubt. */
const BATCH = 500
/** How often the log is looked at. */
const EVERY: Millis = 1000
/** How long a delivery that is under way may still take when the agent stops. */
const STOP_PATIENCE: Millis = 2000
const RETRY_FIRST: Millis = 1000
const RETRY_MAX: Millis = 60_000

/**
 * Sends every record of the log to another host, in order. The cursor moves when a delivery is known to have arrived, so nothing is
 * lost over outages and restarts of either side. What was under way when a connection broke is sent again, with the same
 * record numbers, by which a receiver tells it; an orderly stop leaves nothing under way.
 */
export class Forwarder implements AsyncDisposable {
  readonly #parts: ForwarderParts
  readonly #stop = new AbortController()
  readonly #cut = new AbortController()
  readonly #running: Promise<void>
  #position: Position | undefined
  #trouble: string | undefined

  constructor(parts: ForwarderParts) {
    this.#parts = parts
    this.#position = parts.cursor.load()
    this.#running = this.#run()
  }

  /** Stops after the delivery that is under way, or cuts it off when that takes long: an agent does not wait for a collector. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    const done = new AbortController()
    const patience = this.#parts.clock.sleep(STOP_PATIENCE, done.signal)
    void patience.then(() => done.signal.aborted || this.#cut.abort())
    await this.#running
    done.abort()
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts
    let retry = RETRY_FIRST
    while (!this.#stop.signal.aborted) {
      const step = await this.#step()
      if (step !== 'failed') retry = RETRY_FIRST
      if (step === 'sent') continue
      await clock.sleep(step === 'idle' ? EVERY : retry, this.#stop.signal)
      if (step === 'failed') retry = Math.min(retry * 2, RETRY_MAX)
    }
  }

  /** One look at the log, and one delivery of what is new there. */
  async #step(): Promise<'sent' | 'idle' | 'failed'> {
    const { source, cursor, deliver, format } = this.#parts
    const known = this.#position
    const found = await source.recordsAfter((known?.next ?? 0) - 1, BATCH)
    if (found.kind === 'unreadable') return this.#failed(found.detail)
    const { log } = found
    if (log === undefined || this.#stop.signal.aborted) return 'idle'
    if (known !== undefined && known.log !== log) {
      this.#position = { log, next: 0 }
      return 'sent'
    }
    const last = found.records.at(-1)
    if (last === undefined) return 'idle'
    const delivery = await deliver(found.records.map(format), this.#cut.signal)
    if (delivery.kind === 'failed') return this.#failed(delivery.detail)
    this.#position = { log, next: last.seq + 1 }
    try {
      cursor.save(this.#position)
    } catch (error) {
      return this.#failed(`what was sent would be sent again after a restart: ${(error as Error).message}`)
    }
    if (this.#trouble !== undefined) this.#parts.onTrouble(undefined)
    this.#trouble = undefined
    return 'sent'
  }

  #failed(detail: string): 'failed' {
    if (this.#trouble !== detail && !this.#stop.signal.aborted) this.#parts.onTrouble(detail)
    this.#trouble = detail
    return 'failed'
  }
}
