import type { Clock, Millis } from '../../../model/time.ts'
import { leafHash } from '../merkle.ts'
import type { FoundRecord } from '../search.ts'
import type { SignedCheckpoint } from '../store.ts'
import type { Cursor, Position } from './cursor.ts'
import { findGap, type Gap } from './damage.ts'
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
      /** How many records the log has. */
      readonly size: number
      readonly records: readonly FoundRecord[]
      /** The newest signed one that covers no record beyond these. */
      readonly checkpoint: SignedCheckpoint | undefined
    }
  | { readonly kind: 'unreadable'; readonly detail: string }

export interface ForwarderParts<Message> {
  readonly source: RecordSource
  readonly cursor: Pick<Cursor, 'load' | 'save'>
  /** Where a log is begun with of which nothing is known: at its first record, or after those that are there. */
  readonly begin?: 'first' | 'end'
  /** Most records in one delivery, and how long after each is waited. */
  readonly pace?: { readonly most: number; readonly every: Millis }
  /** Sends messages in their order; says `delivered` only when all of them arrived. Never rejects. */
  deliver(messages: readonly Message[], stop: AbortSignal): Promise<Delivery>
  /** A record as a message; undefined for one that is not sent. */
  format(record: FoundRecord): Message | undefined
  /** A checkpoint as a message; where this is not given none is sent. */
  formatCheckpoint?(checkpoint: SignedCheckpoint): Message
  /** That records are passed over, as a message; where this is not given none is sent. */
  formatGap?(gap: Gap): Message
  readonly clock: Clock
  /**
   * Told once when records do not get through, in words, and once, without, when they do again. The first time that they do it is
   * told as well: an earlier run may have ended while they did not.
   */
  onTrouble(detail: string | undefined): void
  /** Told once when records are passed over, as they cannot be read and others behind them can. */
  onGap(gap: Gap): void
}

/** Most records in one delivery: what is sent again when its end is in doubt. */
const BATCH = 500
/** How often the log is looked at. */
const EVERY: Millis = 1000
/** How long a delivery that is under way may still take when the agent stops. */
const STOP_PATIENCE: Millis = 2000
const RETRY_FIRST: Millis = 1000
const RETRY_MAX: Millis = 60_000
/** So often a record is tried before it is passed over: with the pauses above half a minute, in which a disk may come to itself. */
const TRIES = 6

/**
 * Sends every record of the log elsewhere, in order, and after the records of a delivery the newest signed checkpoint that covers no
 * others: so the newest one follows every outage. The cursor moves when a delivery is known to have arrived, so nothing is
 * lost over outages and restarts of either side. What was under way when a connection broke is sent again, with the same
 * record numbers, by which a receiver tells it; an orderly stop leaves nothing under way. Records that stay unreadable, with others behind them
 * that are not, are passed over, and that is said in their place.
 */
export class Forwarder<Message> implements AsyncDisposable {
  readonly #parts: ForwarderParts<Message>
  readonly #most: number
  readonly #stop = new AbortController()
  readonly #cut = new AbortController()
  readonly #running: Promise<void>
  #position: Position | undefined
  /** The position that the cursor has; `unread` before the first look. */
  #kept: Position | undefined | 'unread' = 'unread'
  /** Why records do not get through; `unknown` before the first has been tried. */
  #trouble: string | undefined = 'unknown'
  /** How often the next record could not be read. */
  #tries = 0
  /** The first record of the gap that was told last. */
  #toldGap: number | undefined

  constructor(parts: ForwarderParts<Message>) {
    this.#parts = parts
    this.#most = parts.pace?.most ?? BATCH
    this.#running = this.#run()
  }

  /** Stops after the delivery that is under way, or cuts it off when that takes long: an agent waits for no collector, and for no disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    const done = new AbortController()
    await Promise.race([this.#running, this.#lose(done.signal)])
    done.abort()
  }

  /** Loses patience: with the receiver first, and then with the disk that is to take how far that came. */
  async #lose(done: AbortSignal): Promise<void> {
    await this.#parts.clock.sleep(STOP_PATIENCE, done)
    if (done.aborted) return
    this.#cut.abort()
    await this.#parts.clock.sleep(STOP_PATIENCE, done)
  }

  async #run(): Promise<void> {
    const { clock, pace } = this.#parts
    let retry = RETRY_FIRST
    while (!this.#stop.signal.aborted) {
      const step = await this.#step()
      if (step !== 'failed') retry = RETRY_FIRST
      if (step === 'moved' && pace === undefined) continue
      const pause = step === 'failed' ? retry : (pace?.every ?? EVERY)
      await clock.sleep(pause, this.#stop.signal)
      if (step === 'failed') retry = Math.min(retry * 2, RETRY_MAX)
    }
  }

  /**
   * One look at the log, and one delivery of what is new there. `moved`: it goes on from somewhere else now, and there may be more;
   * that something was sent is not said by it.
   */
  async #step(): Promise<'moved' | 'idle' | 'failed'> {
    const { deliver, format, formatCheckpoint } = this.#parts
    if (this.#kept === 'unread' && (await this.#load()) === 'failed') return 'failed'
    const next = this.#position?.next ?? 0
    const found = await this.#read(next)
    if (found.kind === 'unreadable') {
      this.#tries += 1
      const gap = this.#tries < TRIES ? undefined : await findGap(this.#parts.source, next)
      return gap ? await this.#pass(gap) : this.#failed(`record ${next} cannot be read: ${found.detail}`)
    }
    this.#tries = 0
    const { log, size } = found
    if (log === undefined || this.#stop.signal.aborted) return 'idle'
    if (this.#position === undefined && this.#parts.begin === 'end')
      return await this.#settle({ log, next: size }, 'unproven')
    if (this.#position !== undefined && !continues(this.#position, log, size, found.records)) {
      this.#position = { log, next: 0 }
      return 'moved'
    }
    const fresh = found.records.filter(({ seq }) => seq >= next).slice(0, this.#most)
    const sent = fresh.flatMap(record => {
      const message = format(record)
      return message === undefined ? [] : [{ record, message }]
    })
    const before = this.#position ?? { log, next }
    const last = fresh.at(-1)
    const whole = last === undefined ? before : after(before, last)
    const sealed = formatCheckpoint && dueAt(whole, found.checkpoint)
    if (last === undefined && sealed === undefined)
      return this.#position === this.#kept ? 'idle' : await this.#settle(this.#position, 'through')
    const messages: Message[] = sent.map(({ message }) => message)
    if (sealed) messages.push(formatCheckpoint(sealed))
    const delivery = await deliver(messages, this.#cut.signal)
    if (delivery.kind === 'delivered')
      return await this.#settle(
        sealed ? { ...whole, checkpoint: sealed.size } : whole,
        // Where nothing was sent, nothing is known of the way.
        messages.length > 0 ? 'through' : 'unproven',
      )
    const arrived = sent[(delivery.arrived ?? 0) - 1]?.record
    if (arrived !== undefined) await this.#keep(after(before, arrived))
    return this.#failed(delivery.detail)
  }

  /** Goes on behind records that cannot be read, once it has been said which those are. */
  async #pass(gap: Gap): Promise<'moved' | 'failed'> {
    const { deliver, formatGap, begin, onGap } = this.#parts
    const { from, to, log, size } = gap
    const position = this.#position
    if (position === undefined && begin === 'end') return await this.#settle({ log, next: size }, 'unproven')
    if (position !== undefined && position.log !== log) {
      this.#position = { log, next: 0 }
      return 'moved'
    }
    const isGap = to > from
    if (isGap && this.#toldGap !== from) onGap(gap)
    this.#toldGap = from
    const messages = isGap && formatGap ? [formatGap(gap)] : []
    if (messages.length > 0) {
      const delivery = await deliver(messages, this.#cut.signal)
      if (delivery.kind !== 'delivered') return this.#failed(delivery.detail)
    }
    this.#tries = 0
    const { checkpoint } = position ?? {}
    // Without the hash of the record before: that one is not to be read again.
    const behind = { log, next: to, ...(checkpoint === undefined ? {} : { checkpoint }) }
    return await this.#settle(behind, messages.length > 0 ? 'through' : 'unproven')
  }

  /**
   * The records from `next` on, and the one before: the last that was sent must still be what it was. Where not all of them can be
   * read, as a page of the file is damaged, those before that.
   */
  async #read(next: number): Promise<Followed> {
    const before = this.#position?.last === undefined ? 0 : 1
    for (let most = this.#most + before; ; most = Math.max(1 + before, Math.ceil(most / 8))) {
      const found = await this.#parts.source.recordsAfter(next - 1 - before, most)
      if (found.kind === 'records' || most <= 1 + before) return found
    }
  }

  /** Takes up where an earlier run was. A position without a meaning is none: too much is better than too little. */
  async #load(): Promise<'read' | 'failed'> {
    try {
      this.#position = await this.#parts.cursor.load()
    } catch (error) {
      if (!(error instanceof SyntaxError))
        return this.#failed(`how far they were sent cannot be read: ${(error as Error).message}`)
    }
    this.#kept = this.#position
    return 'read'
  }

  /** Goes on from a position. That the way is good ends a trouble; a part that arrived does not, or there would be an alarm for each. */
  async #settle(position: Position | undefined, way: 'through' | 'unproven'): Promise<'moved' | 'failed'> {
    const trouble = await this.#keep(position)
    if (trouble !== undefined) return this.#failed(trouble)
    if (way === 'unproven') return 'moved'
    if (this.#trouble !== undefined) this.#parts.onTrouble(undefined)
    this.#trouble = undefined
    return 'moved'
  }

  /** Writes a position down. Resolves with why it is not on the disk, if it is not. */
  async #keep(position: Position | undefined): Promise<string | undefined> {
    this.#position = position
    try {
      if (position !== undefined) await this.#parts.cursor.save(position)
    } catch (error) {
      return `what was sent would be sent again after a restart: ${(error as Error).message}`
    }
    this.#kept = position
    return undefined
  }

  #failed(detail: string): 'failed' {
    if (this.#trouble !== detail && !this.#stop.signal.aborted) this.#parts.onTrouble(detail)
    this.#trouble = detail
    return 'failed'
  }
}

function after(before: Position, { seq, text }: FoundRecord): Position {
  return { ...before, next: seq + 1, last: hashOf(text) }
}

/** The checkpoint, where it was not sent before and all records that it covers were, or are about to be. */
function dueAt(
  { next, checkpoint: sent = 0 }: Position,
  checkpoint: SignedCheckpoint | undefined,
): SignedCheckpoint | undefined {
  return checkpoint && checkpoint.size <= next && checkpoint.size > sent ? checkpoint : undefined
}

/** Whether the log is the one of the position, with all that was sent of it: it may have been put back to an earlier state. */
function continues(
  { log, next, last }: Position,
  found: string,
  size: number,
  records: readonly FoundRecord[],
): boolean {
  if (log !== found || next > size) return false
  const sent = records.find(({ seq }) => seq === next - 1)
  return sent === undefined || last === undefined || hashOf(sent.text) === last
}

function hashOf(text: string): string {
  return Buffer.from(leafHash(Buffer.from(text))).toString('base64')
}
