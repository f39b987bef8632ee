import type { Millis, MonotonicMs } from '../../model/time.ts'
import { type Exchange, type ExchangeKind, isRead } from './exchange.ts'

/** A request that was sent and has not been answered. */
export interface Pending {
  readonly number: number
  readonly exchange: Exchange
  /** How many were sent on the line before it. */
  readonly order: number
  readonly sent: MonotonicMs
}

/** What is out on a line. */
export class PendingRequests {
  #all: Pending[] = []

  get count(): number {
    return this.#all.length
  }

  /** How many of them read. */
  get reads(): number {
    let reads = 0
    for (const { exchange } of this.#all) if (isRead(exchange)) reads += 1
    return reads
  }

  add(pending: Pending): void {
    this.#all.push(pending)
  }

  numbered(number: number): Pending | undefined {
    return this.#all.find(one => one.number === number)
  }

  of(exchange: Exchange): Pending | undefined {
    return this.#all.find(one => one.exchange === exchange)
  }

  has(kind: ExchangeKind): boolean {
    return this.#all.some(({ exchange }) => exchange.kind === kind)
  }

  /** Says whether it was there. */
  remove(pending: Pending): boolean {
    const index = this.#all.indexOf(pending)
    if (index > 0) this.#all.splice(index, 1)
    else if (index === 0) this.#all.shift()
    return index >= 0
  }

  /** Takes everything out. */
  empty(): Pending[] {
    return this.#all.splice(0)
  }
}

/** How much longer a unit may take to answer. */
export function timeLeft({ sent, exchange }: Pending, now: MonotonicMs): Millis {
  return sent + exchange.timeout - now
}
