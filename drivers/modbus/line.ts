import type { Duplex } from 'node:stream'
import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import type { GivenUp } from './deadlines.ts'
import type { Addressee, Exchange, ExchangeKind } from './exchange.ts'
import { type Framing, NUMBER_MAX } from './framing.ts'
import type { Fits, Owed } from './owed.ts'
import { Queue } from './queue.ts'

export interface LineOptions {
  /** How many requests the device takes before it has answered the first. */
  readonly inFlight: number
  /** How many units are behind the connection: as many may be dead before it is given up. */
  readonly units: number
}

/** A write towards the safe state that had to be given up unsent comes again: within so long, if it does. */
const COMES_AGAIN: Millis = 750

/** What was sent and has not been answered. */
interface Pending {
  readonly number: number
  readonly exchange: Exchange
  readonly order: number
  readonly sent: MonotonicMs
}

/**
 * One live connection, shared by all units behind it. It lets as many requests out at once as the device takes; writes go
 * first, those towards the safe state before all others, and never have to wait for reads where more than one may be out:
 * whoever looks at the plant must not be able to keep it from being made safe. Nothing survives the connection: when it
 * ends, so does everything that waits.
 */
export class Line {
  readonly #stream: Duplex
  readonly #framing: Framing
  readonly #options: LineOptions
  readonly #clock: Clock
  readonly #inFlightMax: number
  readonly #readsMax: number
  readonly #waiting = new Queue()
  #pending: Pending[] = []
  readonly #owed: Owed
  readonly #over = new AbortController()
  readonly #ended = Promise.withResolvers<string>()
  #number = 0
  #order = 0
  #lastAnswered = 0
  #silent = 0
  #isPausing = false
  /** Until then only what is towards the safe state goes out. */
  #keptUntil: MonotonicMs = 0
  #trouble: string | undefined

  constructor(stream: Duplex, framing: Framing, options: LineOptions, clock: Clock, owed: Owed) {
    this.#owed = owed
    this.#stream = stream
    this.#framing = framing
    this.#options = options
    this.#clock = clock
    this.#inFlightMax = Math.min(options.inFlight, framing.inFlightMax)
    this.#readsMax = Math.ceil(this.#inFlightMax / 2)
    stream.on('data', (bytes: Buffer) => this.#accept(bytes))
    stream.on('error', (error: Error) => this.end(error.message))
    stream.on('close', () => this.end('the connection was lost'))
    if (stream.destroyed) this.end('the connection was lost')
  }

  /** Why it can't be used any more; undefined while it can. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Whether any request was answered on it. */
  get hasAnswered(): boolean {
    return this.#lastAnswered > 0
  }

  /** Resolves with the reason when the connection is over. */
  get ended(): Promise<string> {
    return this.#ended.promise
  }

  /** Sends a request as soon as its turn comes. */
  start(exchange: Exchange): void {
    const reason = this.#trouble ?? this.#restFor(exchange)
    if (reason !== undefined) exchange.ended({ kind: 'unreachable', reason })
    else if (this.#waiting.add(exchange, this.#placeOf(exchange))) this.#pump()
    else exchange.ended({ kind: 'unreachable', reason: 'too many requests wait for this device' })
  }

  /**
   * Nobody waits for this any more. Says whether it had been sent. It does not end by itself then.
   */
  giveUp(exchange: Exchange, why: GivenUp): 'sent' | 'not-sent' {
    const place = this.#waiting.remove(exchange)
    if (place === 'safe' && why === 'late') void this.#keepNextTurn()
    if (place !== undefined) return 'not-sent'
    const pending = this.#pending.find(one => one.exchange === exchange)
    if (!pending) return 'sent'
    // Who waited long for his turn has no patience left when the device has only just been asked: that is no fault of its.
    const left = pending.sent + exchange.timeout - this.#clock.monotonic()
    if (why === 'late' && left <= 0) this.#missed(pending)
    else void this.#missedAfter(left, pending)
    return 'sent'
  }

  /** What a unit said to a request is not to be believed, and neither is what else may still come of it. */
  distrust(from: Addressee, request: Fits, reason: string): void {
    if (this.#framing.namesRequests) this.end(reason)
    else this.#owed.add(from, request, false)
  }

  /** Ends the connection, for a reason that everybody who waits is told. */
  end(reason: string): void {
    if (this.#trouble !== undefined) return
    this.#trouble = reason
    this.#over.abort()
    this.#stream.destroy()
    const sent = this.#pending
    const waiting = this.#waiting.empty()
    this.#pending = []
    for (const { exchange } of sent) {
      // A gateway goes on with what it was asked, and tells it to whoever is connected then.
      if (!this.#framing.namesRequests)
        this.#owed.addCutOff(exchange, exchange.fits, exchange.kind === 'safe')
      exchange.ended({ kind: 'unanswered', reason: `no answer came before this: ${reason}` })
    }
    for (const exchange of waiting) exchange.ended({ kind: 'unreachable', reason })
    this.#ended.resolve(reason)
  }

  #pump(): void {
    while (this.#trouble === undefined && !this.#isPausing && this.#pending.length < this.#inFlightMax) {
      if (this.#isKept) return
      const exchange = this.#waiting.next(this.#areReadsWelcome)
      if (!exchange) return
      const reason = this.#restFor(exchange)
      if (reason !== undefined) {
        exchange.ended({ kind: 'unreachable', reason })
        continue
      }
      const request = exchange.request()
      if (!request) continue
      if (exchange.kind === 'safe') this.#keptUntil = 0
      const number = this.#number
      this.#number = number === NUMBER_MAX ? 0 : number + 1
      this.#order += 1
      this.#pending.push({ number, exchange, order: this.#order, sent: this.#clock.monotonic() })
      this.#stream.write(this.#framing.frame(number, exchange.unit, request))
    }
  }

  /**
   * A write towards the safe state found no turn in all its time, behind somebody slow. The next one is kept free for when it comes
   * again: nobody else who is slow slips in between.
   */
  async #keepNextTurn(): Promise<void> {
    this.#keptUntil = this.#clock.monotonic() + COMES_AGAIN
    await this.#clock.sleep(COMES_AGAIN, this.#over.signal)
    this.#pump()
  }

  get #isKept(): boolean {
    if (this.#keptUntil === 0 || this.#waiting.has('safe')) return false
    return this.#clock.monotonic() < this.#keptUntil
  }

  /** Where more than one request may be out, reads leave room for writes. */
  readonly #areReadsWelcome = (): boolean => {
    let reads = 0
    for (const { exchange } of this.#pending) if (exchange.kind === 'read') reads += 1
    return reads < this.#readsMax
  }

  #accept(bytes: Buffer): void {
    for (const arrival of this.#framing.accept(bytes)) {
      void this.#pause()
      if (arrival.kind === 'nonsense') return this.end(`the device answered nonsense: ${arrival.reason}`)
      const { number, unit, pdu } = arrival
      const pending = this.#pending.find(one => one.number === number)
      const isLate = this.#owed.settle(unit, pdu)
      // Nobody asked, or nobody waits any more, or what was waited for may still come.
      if (!pending || (isLate && !pending.exchange.fits(pdu))) continue
      this.#forget(pending)
      this.#lastAnswered = this.#order
      this.#silent = 0
      this.#hand(pending, unit, pdu, isLate)
    }
    this.#pump()
  }

  #hand({ exchange, sent }: Pending, unit: number, pdu: Buffer, isLate: boolean): void {
    if (unit !== exchange.unit) {
      const reason = `the device answered nonsense: as unit ${unit} where ${exchange.unit} was asked`
      exchange.ended({ kind: 'unanswered', reason })
      return this.end(reason)
    }
    if (isLate) {
      this.#owed.add(exchange, exchange.fits, exchange.kind === 'safe')
      const reason = 'what came may be the late answer to an equal request before it'
      return exchange.ended({ kind: 'unanswered', reason })
    }
    this.#owed.forgive(unit)
    exchange.ended({ kind: 'answered', pdu, sent })
  }

  /** A line that is shared by the bit wants to be silent for a moment before the next request. */
  async #pause(): Promise<void> {
    const { turnaround } = this.#framing
    if (turnaround === 0) return
    this.#isPausing = true
    await this.#clock.sleep(turnaround, this.#over.signal)
    this.#isPausing = false
    this.#pump()
  }

  /** A slow answer is no reason to cut everybody off; nothing at all since the question, from as many as there are, is. */
  #missed(pending: Pending): void {
    const { exchange, order } = pending
    this.#forget(pending)
    if (!this.#framing.namesRequests) this.#owe(exchange)
    if (this.#lastAnswered < order) this.#silent += 1
    if (this.#silent >= this.#options.units && !this.#isHopeBehind(exchange))
      this.end('the device did not answer in time')
    else this.#pump()
  }

  /**
   * Who answers no reads may still take writes: before the connection is given up, one that waits goes out, and one that is out
   * has its own time for an answer.
   */
  #isHopeBehind({ kind }: Exchange): boolean {
    const has = (wanted: ExchangeKind) =>
      this.#waiting.has(wanted) || this.#pending.some(({ exchange }) => exchange.kind === wanted)
    if (kind !== 'safe' && has('safe')) return true
    return kind === 'read' && this.#framing.namesRequests && has('write')
  }

  #forget(pending: Pending): void {
    this.#pending.splice(this.#pending.indexOf(pending), 1)
  }

  async #missedAfter(left: Millis, pending: Pending): Promise<void> {
    await this.#clock.sleep(Math.max(0, left), this.#over.signal)
    if (this.#pending.includes(pending)) this.#missed(pending)
  }

  #owe(exchange: Exchange): void {
    this.#owed.add(exchange, exchange.fits, exchange.kind === 'safe')
    if (this.#owed.hasSafe(exchange.unit)) this.#waiting.putBack(exchange.unit)
  }

  /**
   * A write towards the safe state goes first. Where a unit has let one go unanswered, its next ones go behind whatever waits
   * already: a unit that is dead must not keep the others on the line from being asked, and from being made safe.
   */
  #placeOf({ kind, unit }: Exchange): ExchangeKind {
    return kind === 'safe' && this.#owed.hasSafe(unit) ? 'read' : kind
  }

  #restFor({ kind, unit }: Exchange): string | undefined {
    return kind === 'safe' ? undefined : this.#owed.restOf(unit)
  }
}
