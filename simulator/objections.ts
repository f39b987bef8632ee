import { type Repetition, repeat } from '../model/repetition.ts'
import type { Clock } from '../model/time.ts'

/** What came to a server and was not taken: a connection, or a request on one. */
export interface Objection {
  /** Address and port of whoever it is from. */
  readonly peer: string
  readonly reason: string
  /** How many more of the same there were, from this address, that nobody was told of. */
  readonly more: number
}

/** So many are told apart; what comes after them is one among others. */
const KNOWN_MAX = 100
const OTHERS = 'others'

/**
 * Tells of what a server does not take, and of the same from one address ever more seldom: whoever sends it does not decide how
 * much is written about it.
 */
export class Objections {
  readonly #clock: Clock
  readonly #listeners = new Set<(objection: Objection) => void>()
  readonly #known = new Map<string, { readonly repetition: Repetition; readonly more: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns what ends it. */
  on(listener: (objection: Objection) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** `reason` is one of few: it holds nothing that a peer makes up. */
  raise(peer: string, reason: string): void {
    const own = `${peer.slice(0, peer.lastIndexOf(':'))} ${reason}`
    const key = this.#known.has(own) || this.#known.size < KNOWN_MAX ? own : OTHERS
    const before = this.#known.get(key)
    const { isDue, after } = repeat(before?.repetition, this.#clock.monotonic())
    const more = before?.more ?? 0
    this.#known.set(key, { repetition: after, more: isDue ? 0 : more + 1 })
    if (isDue) for (const listener of this.#listeners) listener({ peer, reason, more })
  }
}
