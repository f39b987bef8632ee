import { type Exchange, isTowardsSafe } from './exchange.ts'
import { Ring } from './ring.ts'

/**
 * Where an exchange waits, in the order of who goes first. What makes the plant safe or confirms that is `safe`, or `doubted`
 * where its unit did not answer when it was last asked.
 */
export type Place = 'safe' | 'doubted' | 'write' | 'read'

const PLACES: readonly Place[] = ['safe', 'doubted', 'write', 'read']

/**
 * What waits for its turn on a line: what is towards the safe state first, then writes, then reads; in each place one unit after the
 * other. What is towards the safe state lets one of the others go after each of its turns, before it has the next: an actuator that never gets
 * there is looked at for ever, and who may close one valve may do so as often as he likes. What has not had its turn waits for neither.
 */
export class Queue {
  readonly #rings: Readonly<Record<Place, Ring>> = {
    safe: new Ring(),
    doubted: new Ring(),
    write: new Ring(),
    read: new Ring(),
  }
  /** Those towards safe that have had their turn since one of the others had his. */
  readonly #served: Exchange[] = []
  /** Those that were added when theirs had just had its turn. */
  readonly #again: Exchange[] = []

  /** Puts an exchange behind those of its unit in this place. Says whether there was room. */
  add(exchange: Exchange, place: Place): boolean {
    if (!this.#rings[place].add(exchange)) return false
    if (isTowardsSafe(exchange) && this.#wasServed(exchange)) this.#again.push(exchange)
    return true
  }

  /** Whether something waits for which the other conditions hold. */
  some(isWanted: (exchange: Exchange) => boolean): boolean {
    return PLACES.some(place => this.#rings[place].all.some(isWanted))
  }

  /** Takes out what goes next; what is neither `safe` nor `doubted` not at all while the turn is kept, and reads where they are welcome. */
  next(isKept: boolean, areReadsWelcome: () => boolean): Exchange | undefined {
    const { safe, doubted, write, read } = this.#rings
    const hasToWait = this.#again.length > 0 ? this.#hasToWait : undefined
    const urgent = safe.take(hasToWait) ?? (safe.isEmpty ? doubted.take(hasToWait) : undefined)
    if (urgent) return this.#serve(urgent)
    if (!isKept) {
      // Beside one that comes again and again and answers, who is in doubt is one of the others.
      const doubtful = safe.isEmpty ? undefined : doubted.take(hasToWait)
      const other = doubtful ?? write.take() ?? (!read.isEmpty && areReadsWelcome() ? read.take() : undefined)
      if (other) this.#newRound()
      if (other) return doubtful ? this.#serve(doubtful) : other
    }
    const again = safe.take() ?? doubted.take()
    return again && this.#serve(again)
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

  readonly #hasToWait = (exchange: Exchange): boolean => this.#again.includes(exchange)

  /** It has its turn, and so have those that are the same. */
  #serve(exchange: Exchange): Exchange {
    this.#forget(exchange)
    if (exchange.turnOf !== undefined && !this.#wasServed(exchange)) this.#served.push(exchange)
    return exchange
  }

  #wasServed({ kind, unit, turnOf }: Exchange): boolean {
    return this.#served.some(one => one.turnOf === turnOf && one.unit === unit && one.kind === kind)
  }

  #newRound(): void {
    if (this.#served.length > 0) this.#served.splice(0)
    if (this.#again.length > 0) this.#again.splice(0)
  }

  #forget(exchange: Exchange): void {
    const index = this.#again.indexOf(exchange)
    if (index >= 0) this.#again.splice(index, 1)
  }
}
