/**
 * modbus-serial tells answers apart by a transaction number that wraps at 256. With at most half of that outstanding no
 * number is in use twice.
 */
const OUTSTANDING_MAX = 128
/** Reads leave room for writes: whoever looks at the plant must not be able to keep it from being made safe. */
const READS_MAX = 64

/** The place of one request among those that a connection still owes an answer. */
export interface Slot {
  readonly number: number
  /** The answer is there. */
  answered(): void
}

/** The requests of one connection that have no answer yet. */
export class Slots {
  #next = 1
  #reads = 0
  #outstanding = 0
  #lastAnswered = 0

  /** Takes a place; undefined when there is none. */
  take(kind: 'read' | 'write'): Slot | undefined {
    if (this.#outstanding >= OUTSTANDING_MAX || (kind === 'read' && this.#reads >= READS_MAX))
      return undefined
    this.#outstanding += 1
    if (kind === 'read') this.#reads += 1
    const number = this.#next
    this.#next += 1
    return {
      number,
      answered: () => {
        this.#outstanding -= 1
        if (kind === 'read') this.#reads -= 1
        this.#lastAnswered = this.#next
      },
    }
  }

  /** Whether nothing at all was answered since a request was sent. */
  silentSince({ number }: Slot): boolean {
    return this.#lastAnswered <= number
  }
}
