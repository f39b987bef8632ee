import type { Duplex } from 'node:stream'
import type { Clock, Millis } from '../../model/time.ts'
import { AGAIN_WITHIN } from '../driver.ts'
import type { GivenUp } from './deadlines.ts'
import { type Addressee, type Exchange, type ExchangeKind, isRead, isTowardsSafe } from './exchange.ts'
import { type Framing, NUMBER_MAX } from './framing.ts'
import { Kept } from './kept.ts'
import type { Fits, Owed } from './owed.ts'
import { type Pending, PendingRequests, timeLeft } from './pending.ts'
import { Queue } from './queue.ts'
import { saidOf } from './said.ts'
import type { Standing } from './standing.ts'

export interface LineOptions {
  /** How many requests the device takes before it has answered the first. */
  readonly inFlight: number
  /** How many units are behind the connection: as many may be dead before it is given up. */
  readonly units: number
}

/** What is towards the safe state and had to be given up unsent comes again within `AGAIN_WITHIN`: half as long again is kept for it. */
const COMES_AGAIN: Millis = 1.5 * AGAIN_WITHIN

/** What is known of the units, and outlives a connection. */
export interface Remembered {
  readonly owed: Owed
  readonly standing: Standing
}

/**
 * One live connection, shared by all units behind it. It lets as many requests out at once as the device takes; writes go
 * first, those towards the safe state before all others, and never have to wait for reads where more than one may be out:
 * whoever looks at the plant must not be able to keep it from being made safe. What confirms that goes with it. Nothing survives
 * the connection: when it ends, so does everything that waits.
 */
export class Line {
  readonly #stream: Duplex
  readonly #framing: Framing
  readonly #options: LineOptions
  readonly #clock: Clock
  readonly #inFlightMax: number
  readonly #readsMax: number
  readonly #waiting = new Queue()
  readonly #pending = new PendingRequests()
  readonly #owed: Owed
  readonly #over = new AbortController()
  readonly #ended = Promise.withResolvers<string>()
  #number = 0
  #order = 0
  #lastAnswered = 0
  #silent = 0
  #isPausing = false
  readonly #standing: Standing
  /** While a turn is kept, only what is towards the safe state goes out. */
  readonly #kept: Kept
  #isWakingUp = false
  #isFollowed = false
  #trouble: string | undefined

  constructor(
    stream: Duplex,
    framing: Framing,
    options: LineOptions,
    clock: Clock,
    { owed, standing }: Remembered,
  ) {
    this.#owed = owed
    this.#standing = standing
    this.#stream = stream
    this.#framing = framing
    this.#options = options
    this.#clock = clock
    this.#kept = new Kept(clock)
    this.#inFlightMax = Math.min(options.inFlight, framing.inFlightMax)
    this.#readsMax = Math.ceil(this.#inFlightMax / 2)
    stream.on('data', (bytes: Buffer) => this.#accept(bytes))
    stream.on('error', (error: Error) => this.end(saidOf(error)))
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
    else if (this.#waiting.add(exchange, this.#standing.placeOf(exchange))) this.#pump()
    else exchange.ended({ kind: 'unreachable', reason: 'too many requests wait for this device' })
  }

  /**
   * Nobody waits for this any more. Says whether it had been sent. It does not end by itself then.
   */
  giveUp(exchange: Exchange, why: GivenUp): 'sent' | 'not-sent' {
    const place = this.#waiting.remove(exchange)
    if (place !== undefined) {
      // It found no turn in all its time, behind somebody slow. When it comes again, nobody else who is slow has slipped in.
      if (why === 'late' && (place === 'safe' || place === 'doubted'))
        this.#kept.keep(exchange.unit, COMES_AGAIN)
      return 'not-sent'
    }
    const pending = this.#pending.of(exchange)
    if (!pending) return 'sent'
    // Who waited long for his turn has no patience left when the device has only just been asked: that is no fault of its.
    const left = timeLeft(pending, this.#clock.monotonic())
    if (why === 'late' && left <= 0) this.#missed(pending)
    else void this.#missedAfter(left, pending)
    return 'sent'
  }

  /**
   * How much longer an answer is waited for whose request has used up its deadline waiting for its turn. What is towards the safe state is
   * not given up then: where the line is busy for as long as a deadline each time, it would be sent and given up for ever.
   */
  patienceWith(exchange: Exchange): Millis {
    const pending = isTowardsSafe(exchange) ? this.#pending.of(exchange) : undefined
    return pending ? timeLeft(pending, this.#clock.monotonic()) : 0
  }

  /** What a unit said to a request is not to be believed, and neither is what else may still come of it. */
  distrust(from: Addressee, request: Fits, reason: string): void {
    if (this.#framing.namesRequests) this.end(reason)
    else this.#owed.add(from, request)
  }

  /** Ends the connection, for a reason that everybody who waits is told. */
  end(reason: string): void {
    if (this.#trouble !== undefined) return
    this.#trouble = reason
    this.#over.abort()
    this.#stream.destroy()
    const sent = this.#pending.empty()
    const waiting = this.#waiting.empty()
    for (const { exchange } of sent) {
      // A gateway goes on with what it was asked, and tells it to whoever is connected then.
      if (!this.#framing.namesRequests) this.#owed.addCutOff(exchange, exchange.fits)
      exchange.ended({ kind: 'unanswered', reason: `no answer came before this: ${reason}` })
    }
    for (const exchange of waiting) exchange.ended({ kind: 'unreachable', reason })
    this.#ended.resolve(reason)
  }

  #pump(): void {
    while (this.#isFree) {
      const { left } = this.#kept
      const exchange = this.#waiting.next(left > 0, this.#areReadsWelcome)
      if (!exchange) return left > 0 ? void this.#wakeUp(left) : undefined
      const reason = this.#restFor(exchange)
      if (reason !== undefined) {
        exchange.ended({ kind: 'unreachable', reason })
        continue
      }
      const request = exchange.request()
      if (!request) continue
      this.#kept.release(exchange.unit)
      const number = this.#number
      this.#number = number === NUMBER_MAX ? 0 : number + 1
      this.#order += 1
      this.#pending.add({ number, exchange, order: this.#order, sent: this.#clock.monotonic() })
      this.#stream.write(this.#framing.frame(number, exchange.unit, request))
    }
  }

  get #isFree(): boolean {
    if (this.#trouble !== undefined || this.#isPausing || this.#isFollowed) return false
    return this.#pending.count < this.#inFlightMax
  }

  /** Somebody for whom the turn was kept may not have come. */
  async #wakeUp(left: Millis): Promise<void> {
    if (this.#isWakingUp) return
    this.#isWakingUp = true
    await this.#clock.sleep(left, this.#over.signal)
    this.#isWakingUp = false
    this.#pump()
  }

  /**
   * A part of something towards the safe state was answered. What its asker asks for upon that (the next part, or the look that
   * confirms it) is asked for before the program comes to rest: nobody slips in before that.
   */
  #letFollow(): void {
    if (this.#isFollowed) return
    this.#isFollowed = true
    setImmediate(() => {
      this.#isFollowed = false
      this.#pump()
    })
  }

  /** Where more than one request may be out, reads leave room for writes. */
  readonly #areReadsWelcome = (): boolean => this.#pending.reads < this.#readsMax

  #accept(bytes: Buffer): void {
    for (const arrival of this.#framing.accept(bytes)) {
      void this.#pause()
      if (arrival.kind === 'nonsense') return this.end(`the device answered nonsense: ${arrival.reason}`)
      const { number, unit, pdu } = arrival
      const pending = this.#pending.numbered(number)
      const isLate = this.#owed.settle(unit, pdu)
      // Nobody asked, or nobody waits any more, or what was waited for may still come.
      if (!pending || (isLate && !pending.exchange.fits(pdu))) continue
      this.#pending.remove(pending)
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
      this.#owed.add(exchange, exchange.fits)
      const reason = 'what came may be the late answer to an equal request before it'
      return exchange.ended({ kind: 'unanswered', reason })
    }
    this.#owed.forgive(unit)
    if (this.#standing.answered(exchange)) this.#rearrange(unit)
    if (exchange.kind === 'safe') this.#letFollow()
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
    if (!this.#pending.remove(pending)) return
    const { exchange, order } = pending
    if (!this.#framing.namesRequests) this.#owed.add(exchange, exchange.fits)
    if (this.#standing.missed(exchange)) this.#rearrange(exchange.unit)
    if (this.#lastAnswered < order) this.#silent += 1
    if (this.#silent >= this.#options.units && !this.#isHopeBehind(exchange))
      this.end('the device did not answer in time')
    else this.#pump()
  }

  /**
   * Who answers no reads may still take writes: before the connection is given up, one that waits goes out, and one that is out
   * has its own time for an answer. A write towards the safe state that waits behind everything else has had its chance.
   */
  #isHopeBehind(missed: Exchange): boolean {
    const has = (wanted: ExchangeKind) =>
      this.#waiting.some(one => one.kind === wanted && this.#standing.placeOf(one) !== 'read') ||
      this.#pending.has(wanted)
    if (missed.kind !== 'safe' && has('safe')) return true
    return isRead(missed) && this.#framing.namesRequests && has('write')
  }

  async #missedAfter(left: Millis, pending: Pending): Promise<void> {
    await this.#clock.sleep(Math.max(0, left), this.#over.signal)
    this.#missed(pending)
  }

  #rearrange(unit: number): void {
    this.#waiting.rearrange(unit, exchange => this.#standing.placeOf(exchange))
  }

  #restFor({ kind, unit }: Exchange): string | undefined {
    return kind === 'safe' ? undefined : this.#owed.restOf(unit)
  }
}
