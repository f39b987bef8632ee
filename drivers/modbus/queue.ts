import type { Exchange, ExchangeKind } from './exchange.ts'

/** Waiting for a turn takes little; this is only so that a flood cannot fill the memory. */
const QUEUE_MAX = 1024
const PLACES: readonly ExchangeKind[] = ['safe', 'write', 'read']

/**
 * What waits for its turn on a line: what is towards the safe state first, then writes, then reads.
 *
 * These are lists, where sets would read as well. A set leaves each table that it has outgrown to the garbage collector with a
 * pointer to the next one; a single old table keeps all that come after it, and what was in them, from being cleared
 * cheaply. In a set that is filled and emptied a thousand times a second that took a fifth of all time.
 */
export class Queue {
  readonly #lists: Readonly<Record<ExchangeKind, Exchange[]>> = { safe: [], write: [], read: [] }

  /** Puts an exchange at the end of those that have this place. Says whether there was room. */
  add(exchange: Exchange, place: ExchangeKind): boolean {
    const list = this.#lists[place]
    return list.length < QUEUE_MAX && list.push(exchange) > 0
  }

  /** Whether anything waits in this place. */
  has(place: ExchangeKind): boolean {
    return this.#lists[place].length > 0
  }

  /** Takes out whatever goes next; reads only where they are `welcome`. */
  next(areReadsWelcome: () => boolean): Exchange | undefined {
    const first = this.#lists.safe.shift() ?? this.#lists.write.shift()
    if (first || this.#lists.read.length === 0) return first
    return areReadsWelcome() ? this.#lists.read.shift() : undefined
  }

  /** Takes an exchange out. Says which place it had; undefined when it was not there. */
  remove(exchange: Exchange): ExchangeKind | undefined {
    for (const place of PLACES) {
      const index = this.#lists[place].indexOf(exchange)
      if (index < 0) continue
      this.#lists[place].splice(index, 1)
      return place
    }
    return undefined
  }

  /** Puts what is for a unit, and towards the safe state, behind everything else. */
  putBack(unit: number): void {
    for (const exchange of this.#lists.safe.filter(waiting => waiting.unit === unit)) {
      this.remove(exchange)
      this.#lists.read.push(exchange)
    }
  }

  /** Takes everything out. */
  empty(): Exchange[] {
    return Object.values(this.#lists).flatMap(list => list.splice(0))
  }
}
