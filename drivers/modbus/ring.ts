import type { Exchange } from './exchange.ts'

/** Waiting for a turn takes little; this is only so that a flood cannot fill the memory. It is of each unit by itself. */
const WAITING_MAX = 1024

/**
 * Exchanges of many units that take turns: one of each unit, and then the next. Who has come and goes again without a turn keeps his
 * place: a unit that is asked with little patience would never reach the front otherwise.
 *
 * These are lists, where sets would read as well. A set leaves each table that it has outgrown to the garbage collector with a
 * pointer to the next one; a single old table keeps all that come after it, and what was in them, from being cleared
 * cheaply. In a set that is filled and emptied a thousand times a second that took a fifth of all time.
 */
export class Ring {
  /** By unit. */
  readonly #lists: Exchange[][] = []
  /** The units that wait, and those that went without a turn: who has had none for longest is first. */
  readonly #order: number[] = []
  #size = 0

  /** Puts an exchange behind the others of its unit. Says whether there was room. */
  add(exchange: Exchange): boolean {
    const { unit } = exchange
    const list = this.#lists[unit] ?? []
    this.#lists[unit] = list
    if (list.length >= WAITING_MAX) return false
    if (list.push(exchange) === 1 && !this.#order.includes(unit)) this.#order.push(unit)
    this.#size += 1
    return true
  }

  get isEmpty(): boolean {
    return this.#size === 0
  }

  /** Takes out what goes next; what has to wait is passed over. */
  take(hasToWait?: (exchange: Exchange) => boolean): Exchange | undefined {
    if (this.#size === 0) return undefined
    for (let at = 0; at < this.#order.length; at += 1) {
      const list = this.#listAt(at)
      const index = hasToWait ? list.findIndex(one => !hasToWait(one)) : 0
      // To take something out of the middle of a list makes a list of it: nearly always it is the first.
      const exchange = index > 0 ? list.splice(index, 1)[0] : index === 0 ? list.shift() : undefined
      if (!exchange) continue
      const unit = at === 0 ? this.#order.shift() : this.#order.splice(at, 1)[0]
      if (list.length > 0 && unit !== undefined) this.#order.push(unit)
      this.#size -= 1
      return exchange
    }
    return undefined
  }

  /** Takes an exchange out. Says whether it was there. */
  remove(exchange: Exchange): boolean {
    const list = this.#lists[exchange.unit] ?? []
    const index = list.indexOf(exchange)
    if (index < 0) return false
    list.splice(index, 1)
    this.#size -= 1
    return true
  }

  /** Takes out everything of one unit. */
  removeUnit(unit: number): Exchange[] {
    const removed = this.#lists[unit]?.splice(0) ?? []
    this.#size -= removed.length
    return removed
  }

  /** Everything that waits, in no order. */
  get all(): Exchange[] {
    return this.#size === 0 ? [] : this.#lists.flat()
  }

  /** Takes everything out. */
  empty(): Exchange[] {
    const { all } = this
    for (const list of this.#lists) list?.splice(0)
    this.#size = 0
    return all
  }

  #listAt(at: number): Exchange[] {
    return this.#lists[this.#order[at] ?? -1] ?? []
  }
}
