import type { Clock, MonotonicMs } from '../../model/time.ts'
import type { Addressee } from './exchange.ts'

/** Whether a PDU can be an answer to one certain request. */
export type Fits = (pdu: Buffer) => boolean

interface Debt {
  readonly until: MonotonicMs
  /** The requests whose answers may still come. */
  readonly requests: Fits[]
}

/**
 * What units owe on a line whose answers name no request: a late one could be taken for the answer to the next. So a unit that
 * owes one is asked nothing until it has had its time again, or the answer has come. Only a write towards the safe state does not
 * wait for that; its answer is then told from what is owed by what it says. All this outlives a connection: what is late on
 * a serial line does not mind a new one.
 */
export class Owed {
  readonly #clock: Clock
  readonly #debts = new Map<number, Debt>()
  #busyUntil: MonotonicMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A unit has let a request go unanswered. */
  add({ unit, timeout }: Addressee, request: Fits): void {
    const free = Math.max(this.#clock.monotonic(), this.#busyUntil)
    this.#owe(unit, free + timeout, request)
  }

  /**
   * A connection was lost under a request. A gateway behind it goes on with it, and asks others only after that: what they are slow
   * with from now on may have waited there for all this time.
   */
  addCutOff({ unit, timeout }: Addressee, request: Fits): void {
    const until = this.#clock.monotonic() + timeout
    this.#busyUntil = Math.max(this.#busyUntil, until)
    this.#owe(unit, until, request)
  }

  /** Why a unit is asked nothing now; undefined when it may be asked. */
  restOf(unit: number): string | undefined {
    if (!this.#debtOf(unit)) return undefined
    return `unit ${unit} owes an answer: it is waited out, so that it is not taken for another`
  }

  /** Takes an answer for one that is owed, the oldest that it can be. Says whether there is one. */
  settle(unit: number, answer: Buffer): boolean {
    const debt = this.#debtOf(unit)
    const index = debt?.requests.findIndex(fits => fits(answer)) ?? -1
    if (!debt || index < 0) return false
    debt.requests.splice(index, 1)
    if (debt.requests.length === 0) this.#debts.delete(unit)
    return true
  }

  /** A unit answers in the order in which it was asked: after an answer to a later request nothing earlier can come. */
  forgive(unit: number): void {
    this.#debts.delete(unit)
  }

  #owe(unit: number, until: MonotonicMs, request: Fits): void {
    const { requests = [] } = this.#debtOf(unit) ?? {}
    this.#debts.set(unit, { until, requests: [...requests, request] })
  }

  #debtOf(unit: number): Debt | undefined {
    const debt = this.#debts.get(unit)
    if (!debt || this.#clock.monotonic() < debt.until) return debt
    this.#debts.delete(unit)
    return undefined
  }
}
