import type { StampedEntry } from './record.ts'

/** How an append ended. */
export type Appended =
  /** In the log and on the disk: the commit's fsync has returned. */
  | { readonly kind: 'durable'; readonly seq: number }
  /** Not acknowledged. It must be treated as not recorded, though one that is kept will be once the disk takes it. */
  | { readonly kind: 'unwritable'; readonly detail: string }

type Answer = (appended: Appended) => void

/** What becomes of an entry that the disk does not take. */
export type Fate =
  /** What it announces was not done for want of it: it must not turn up in the log later. */
  | 'forgone'
  /** What it tells of is done all the same: it waits until the disk takes it. */
  | 'kept'

/** An entry on its way to the disk: for nobody, or for somebody who waits for it until it is settled. */
export class Pending {
  readonly stamped: StampedEntry
  readonly fate: Fate
  #answer: Answer | undefined

  constructor(stamped: StampedEntry, fate: Fate, answer?: Answer) {
    this.stamped = stamped
    this.fate = fate
    this.#answer = answer
  }

  /** Whether somebody waits. */
  get isAwaited(): boolean {
    return this.#answer !== undefined
  }

  /** Whether it should still be written. */
  get isWanted(): boolean {
    return this.fate === 'kept' || this.isAwaited
  }

  /** Answers whoever waits, the first time. */
  settle(appended: Appended): void {
    this.#answer?.(appended)
    this.#answer = undefined
  }
}

/** Answers those whose entries are on the disk: each has its place, or none where it was not written. */
export function settleDurable(items: readonly Pending[], seqs: readonly (number | undefined)[]): void {
  for (const [index, item] of items.entries()) {
    const seq = seqs[index]
    if (seq !== undefined) item.settle({ kind: 'durable', seq })
  }
}

/** Answers everybody who waits that it is not recorded, and says how many entries are forgone with that. */
export function settleUnwritable(items: readonly Pending[], detail: string): number {
  const awaited = items.filter(item => item.isAwaited)
  for (const item of awaited) item.settle({ kind: 'unwritable', detail })
  return awaited.filter(item => !item.isWanted).length
}

/** What others ask for comes at their pace, not at ours: its records may fill this part of the queue and no more, so that a trip finds room. */
const REQUESTS_PART = 0.75

/** Whether an entry is of somebody's request, and not the agent's own: it says which way that came in, or counts many. */
function isOfRequest({ kind, channel }: StampedEntry['entry']): boolean {
  return channel !== undefined || kind === 'refusals-summarised'
}

/** What waits to be written, first in first out, and never more than `max` of it. */
export class AuditQueue {
  readonly #max: number
  #items: Pending[] = []

  constructor(max: number) {
    this.#max = max
  }

  get length(): number {
    return this.#items.length
  }

  /** Puts an entry at the end; false when there is no room for it. */
  offer(item: Pending): boolean {
    const max = isOfRequest(item.stamped.entry) ? this.#max * REQUESTS_PART : this.#max
    if (this.#items.length >= max) return false
    this.#items.push(item)
    return true
  }

  /** Takes up to `count` entries from the front. */
  take(count: number): Pending[] {
    return this.#items.splice(0, count)
  }

  /** Answers everybody who waits that it is not recorded, takes out what is forgone with that, and says how many that were. */
  refuse(detail: string): number {
    const forgone = settleUnwritable(this.#items, detail)
    this.#items = this.#items.filter(item => item.isWanted)
    return forgone
  }
}
