import type { Duplex } from 'node:stream'
import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import { type Framing, NUMBER_MAX } from './framing.ts'

/** A request on its way: it waits for its turn, is sent, and ends once. */
export interface Exchange {
  readonly kind: 'read' | 'write'
  readonly unit: number
  /** Called when its turn has come, with the PDU to send as its answer; undefined when it is not needed any more. */
  request(): Buffer | undefined
  ended(end: ExchangeEnd): void
}

export type ExchangeEnd =
  /** `sent` is when the request went out. */
  | { readonly kind: 'answered'; readonly pdu: Buffer; readonly sent: MonotonicMs }
  /** No byte was sent. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Sent, and no answer came that can be believed. */
  | { readonly kind: 'unanswered'; readonly reason: string }

export interface LineOptions {
  /** How many requests the device takes before it has answered the first. */
  readonly inFlight: number
  /** How many units are behind the connection: as many may be dead before it is given up. */
  readonly units: number
  /** How long an answer may take. */
  readonly timeout: Millis
}

interface Pending {
  readonly exchange: Exchange
  readonly order: number
  readonly sent: MonotonicMs
}

/** Waiting for a turn takes little; this is only so that a flood cannot fill the memory. */
const QUEUE_MAX = 1024

/**
 * One live connection, shared by all units behind it. It lets as many requests out at once as the device takes; writes go
 * first, and never have to wait for reads where more than one may be out: whoever looks at the plant must not be able to
 * keep it from being made safe. Nothing survives the connection: when it ends, so does everything that waits.
 */
export class Line {
  readonly #stream: Duplex
  readonly #framing: Framing
  readonly #options: LineOptions
  readonly #clock: Clock
  readonly #inFlightMax: number
  readonly #readsMax: number
  readonly #waiting = { write: new Set<Exchange>(), read: new Set<Exchange>() }
  readonly #pending = new Map<number, Pending>()
  readonly #resting: Map<number, MonotonicMs>
  readonly #over = new AbortController()
  readonly #ended = Promise.withResolvers<string>()
  #number = 0
  #order = 0
  #lastAnswered = 0
  #silent = 0
  #isPausing = false
  #trouble: string | undefined

  /** `resting` says until when units owe an answer. It outlives the line: what is late on a serial line does not mind a new one. */
  constructor(
    stream: Duplex,
    framing: Framing,
    options: LineOptions,
    clock: Clock,
    resting: Map<number, MonotonicMs>,
  ) {
    this.#resting = resting
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

  /** Resolves with the reason when the connection is over. */
  get ended(): Promise<string> {
    return this.#ended.promise
  }

  /** Sends a request as soon as its turn comes. */
  start(exchange: Exchange): void {
    const reason = this.#trouble ?? this.#restOf(exchange.unit)
    const queue = this.#waiting[exchange.kind]
    if (reason !== undefined) exchange.ended({ kind: 'unreachable', reason })
    else if (queue.size >= QUEUE_MAX)
      exchange.ended({ kind: 'unreachable', reason: 'too many requests wait for this device' })
    else {
      queue.add(exchange)
      this.#pump()
    }
  }

  /**
   * Nobody waits for this any more: `late` because its deadline has passed, else because it is not wanted. Says whether it
   * had been sent. It does not end by itself then.
   */
  giveUp(exchange: Exchange, late: boolean): 'sent' | 'not-sent' {
    if (this.#waiting[exchange.kind].delete(exchange)) return 'not-sent'
    for (const [number, pending] of this.#pending) {
      if (pending.exchange !== exchange) continue
      if (late) this.#missed(number, pending)
      else void this.#missedAfter(number, pending)
    }
    return 'sent'
  }

  /** What a unit said is not to be believed, and neither is what else may still come of it. */
  distrust(unit: number, reason: string): void {
    if (this.#framing.namesRequests) this.end(reason)
    else this.#rest(unit)
  }

  /** Ends the connection, for a reason that everybody who waits is told. */
  end(reason: string): void {
    if (this.#trouble !== undefined) return
    this.#trouble = reason
    this.#over.abort()
    this.#stream.destroy()
    const sent = [...this.#pending.values()]
    const waiting = [...this.#waiting.write, ...this.#waiting.read]
    this.#pending.clear()
    this.#waiting.write.clear()
    this.#waiting.read.clear()
    for (const { exchange } of sent)
      exchange.ended({ kind: 'unanswered', reason: `no answer came before this: ${reason}` })
    for (const exchange of waiting) exchange.ended({ kind: 'unreachable', reason })
    this.#ended.resolve(reason)
  }

  #pump(): void {
    while (this.#trouble === undefined && !this.#isPausing && this.#pending.size < this.#inFlightMax) {
      const exchange = this.#take()
      if (!exchange) return
      const reason = this.#restOf(exchange.unit)
      if (reason !== undefined) {
        exchange.ended({ kind: 'unreachable', reason })
        continue
      }
      const request = exchange.request()
      if (!request) continue
      const number = this.#number
      this.#number = number === NUMBER_MAX ? 0 : number + 1
      this.#order += 1
      this.#pending.set(number, { exchange, order: this.#order, sent: this.#clock.monotonic() })
      this.#stream.write(this.#framing.frame(number, exchange.unit, request))
    }
  }

  #take(): Exchange | undefined {
    const [write] = this.#waiting.write
    if (write) {
      this.#waiting.write.delete(write)
      return write
    }
    const [read] = this.#waiting.read
    if (!read) return undefined
    let reads = 0
    for (const { exchange } of this.#pending.values()) if (exchange.kind === 'read') reads += 1
    if (reads >= this.#readsMax) return undefined
    this.#waiting.read.delete(read)
    return read
  }

  #accept(bytes: Buffer): void {
    for (const arrival of this.#framing.accept(bytes)) {
      void this.#pause()
      if (arrival.kind === 'nonsense') return this.end(`the device answered nonsense: ${arrival.reason}`)
      const pending = this.#pending.get(arrival.number)
      // Nobody asked, or nobody waits any more.
      if (!pending) continue
      this.#pending.delete(arrival.number)
      this.#lastAnswered = this.#order
      this.#silent = 0
      const { exchange, sent } = pending
      if (arrival.unit === exchange.unit) {
        exchange.ended({ kind: 'answered', pdu: arrival.pdu, sent })
        continue
      }
      const reason = `the device answered nonsense: as unit ${arrival.unit} where ${exchange.unit} was asked`
      exchange.ended({ kind: 'unanswered', reason })
      this.end(reason)
    }
    this.#pump()
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
  #missed(number: number, { exchange, order }: Pending): void {
    this.#pending.delete(number)
    if (!this.#framing.namesRequests) this.#rest(exchange.unit)
    if (this.#lastAnswered < order) this.#silent += 1
    // Who answers no reads may still take writes: one that waits goes out before the connection is given up.
    const isLastHope = exchange.kind === 'read' && this.#framing.namesRequests && this.#waiting.write.size > 0
    if (this.#silent >= this.#options.units && !isLastHope) this.end('the device did not answer in time')
    else this.#pump()
  }

  async #missedAfter(number: number, pending: Pending): Promise<void> {
    await this.#clock.sleep(this.#options.timeout, this.#over.signal)
    if (this.#pending.get(number) === pending) this.#missed(number, pending)
  }

  /**
   * Where answers name no request, a late one could be taken for the answer to the next. So a unit that owes one is asked
   * nothing until it has had the time again.
   */
  #rest(unit: number): void {
    this.#resting.set(unit, this.#clock.monotonic() + this.#options.timeout)
  }

  #restOf(unit: number): string | undefined {
    const until = this.#resting.get(unit)
    if (until === undefined) return undefined
    if (this.#clock.monotonic() < until)
      return `unit ${unit} owes an answer: it is waited out, so that it is not taken for another`
    this.#resting.delete(unit)
    return undefined
  }
}
