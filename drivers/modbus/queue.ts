import type { Exchange } from './exchange.ts'
import { Ring } from './ring.ts'

/**
 * Where an exchange waits, in the order of who goes first. What makes the plant safe or confirms that is `safe`, or `doubted`
 * where its unit did not answer when it was last asked.
 */
export type Place = 'safe' | 'doubted' | 'write' | 'read'

const PLACES: readonly Place[] = ['safe', 'doubted', 'write', 'read']

/**
 * What waits for its turn on a line: what is towards the safe state first, then writes, then reads; in each place one unit after the
 * other. A unit that has had a look lets one of the others go before its next: an actuator that never gets to its safe state is looked
 * at for ever.
 */
export class Queue {
  readonly #rings: Readonly<Record<Place, Ring>> = {
    safe: new Ring(),
    doubted: new Ring(),
    write: new Ring(),
    read: new Ring(),
  }
  /** The units that have had a look since a write or read that is not towards safe had its turn. */
  readonly #looked: number[] = []
  /** The looks that were added when their unit had just had one. */
  readonly #again: Exchange[] = []

  /** Puts an exchange behind those of its unit in this place. Says whether there was room. */
  add(exchange: Exchange, place: Place): boolean {
    if (!this.#rings[place].add(exchange)) return false
    if (exchange.kind === 'look' && this.#looked.includes(exchange.unit)) this.#again.push(exchange)
    return true
  }

  /** Whether something waits for which the other conditions hold. */
  some(isWanted: (exchange: Exchange) => boolean): boolean {
    return PLACES.some(place => this.#rings[place].all.some(isWanted))
  }

  /** Takes out what goes next; what is neither `safe` nor `doubted` not at all while the turn is kept, and reads where they are welcome. */
  next(isKept: boolean, areReadsWelcome: () => boolean): Exchange | undefined {
    const { safe, doubted, write, read } = this.#rings
    const urgent = safe.first ?? doubted.first
    if (isKept || (urgent && !this.#again.includes(urgent))) return this.#takeUrgent()
    const other = write.take() ?? (read.first && areReadsWelcome() ? read.take() : undefined)
    if (!other) return this.#takeUrgent()
    if (this.#looked.length > 0) this.#newRound()
    return other
  }

  /** Takes an exchange out. Says which place it had; undefined when it was not there. */
  remove(exchange: Exchange): Place | undefined {
    const place = PLACES.find(one => this.#rings[one].remove(exchange))
    if (place !== undefined && this.#again.length > 0) this.#forget(exchange)
    return place
  }

  /** Finds new places for what waits of a unit. */
  rearrange(unit: number, placeOf: (exchange: Exchange) => Place): void {
    for (const exchange of PLACES.flatMap(place => this.#rings[place].removeUnit(unit)))
      this.#rings[placeOf(exchange)].add(exchange)
  }

  /** Takes everything out. */
  empty(): Exchange[] {
    this.#newRound()
    return PLACES.flatMap(place => this.#rings[place].empty())
  }

  #takeUrgent(): Exchange | undefined {
    const exchange = this.#rings.safe.take() ?? this.#rings.doubted.take()
    if (exchange?.kind !== 'look') return exchange
    this.#forget(exchange)
    if (!this.#looked.includes(exchange.unit)) this.#looked.push(exchange.unit)
    return exchange
  }

  #newRound(): void {
    this.#looked.splice(0)
    this.#again.splice(0)
  }

  #forget(look: Exchange): void {
    const index = this.#again.indexOf(look)
    if (index >= 0) this.#again.splice(index, 1)
  }
}
