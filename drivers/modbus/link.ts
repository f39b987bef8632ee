import type { X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Clock, Millis } from '../../model/time.ts'
import { Backoff, type BackoffLimits } from '../backoff.ts'
import type { Facts } from '../identity.ts'
import { Deadlines } from './deadlines.ts'
import type { Framing } from './framing.ts'
import { Line, type LineOptions, type Remembered } from './line.ts'
import { Owed } from './owed.ts'
import { saidOf } from './said.ts'
import { Standing } from './standing.ts'

/** A way to a device: how a connection is made, and how requests are framed on it. */
export interface Way {
  /** What a person calls it: `10.1.2.3:502`, `/dev/ttyS0`. */
  readonly name: string
  framing(): Framing
  /** Rejects with what the system says; has closed whatever it opened when the signal aborts. */
  open(signal: AbortSignal): Promise<Duplex>
  /** What a connection says about who is at its other end. */
  about?(stream: Duplex): Facts
  /** The certificate that a connection was shown, where its way has any. */
  certificate?(stream: Duplex): X509Certificate | undefined
}

const BACKOFF: BackoffLimits = { first: 50, max: 2000 }
const CONNECT_TIMEOUT: Millis = 2000

/**
 * Keeps one connection, for all units behind it. It reconnects in the background, with backoff and jitter, so that the line
 * is there before it is needed; nothing waits in it for a line.
 */
export class ModbusLink implements AsyncDisposable {
  /** Of everything that is asked over it. */
  readonly deadlines: Deadlines
  readonly #way: Way
  readonly #options: LineOptions
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  readonly #remembered: Remembered
  readonly #first = Promise.withResolvers<void>()
  #line: Line | undefined
  #connections = 0
  #facts: Facts = {}
  #certificate: X509Certificate | undefined
  #trouble: string

  /** `jitter` gives a number from 0 to 1, which spreads the reconnects of many links. */
  constructor(way: Way, options: LineOptions, clock: Clock, jitter: () => number) {
    this.deadlines = new Deadlines(clock)
    this.#way = way
    this.#options = options
    this.#clock = clock
    this.#backoff = new Backoff(BACKOFF, clock, jitter)
    this.#remembered = { owed: new Owed(clock), standing: new Standing() }
    this.#trouble = `${way.name}: not connected yet`
    this.#running = this.#run()
  }

  /** The connection, or why there is none. */
  get line(): Line | { readonly trouble: string } {
    const line = this.#line
    if (!line) return { trouble: this.#trouble }
    return line.trouble === undefined ? line : { trouble: `${this.#way.name}: ${line.trouble}` }
  }

  /** Whether there is a connection now. */
  get isConnected(): boolean {
    return this.line instanceof Line
  }

  /** How many connections there have been. */
  get connections(): number {
    return this.#connections
  }

  /** What the last connection said about who is at its other end. */
  get facts(): Facts {
    return this.#facts
  }

  /** The certificate that the last connection was shown. */
  get certificate(): X509Certificate | undefined {
    return this.#certificate
  }

  /** Resolves once the first attempt to connect has ended, well or badly. */
  get attempted(): Promise<void> {
    return this.#first.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#line?.end('the agent is stopping')
    await this.#running
    this.deadlines[Symbol.dispose]()
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const opened = await this.#open()
      if (typeof opened === 'string') this.#trouble = `${this.#way.name}: ${opened}`
      else {
        this.#connections += 1
        this.#facts = this.#way.about?.(opened) ?? {}
        this.#certificate = this.#way.certificate?.(opened)
        this.#line = new Line(opened, this.#way.framing(), this.#options, this.#clock, this.#remembered)
      }
      this.#first.resolve()
      if (this.#line) {
        if (this.#stop.signal.aborted) this.#line.end('the agent is stopping')
        this.#trouble = `${this.#way.name}: ${await this.#line.ended}`
        // To be connected is not yet to be well: a device may take connections and answer nothing, or close them at once.
        if (this.#line.hasAnswered) this.#backoff.reset()
        this.#line = undefined
      }
      await this.#backoff.wait(this.#stop.signal)
    }
    this.#trouble = `${this.#way.name}: the agent is stopping`
  }

  /** A connection, or why there is none. */
  async #open(): Promise<Duplex | string> {
    const deadline = new AbortController()
    const over = new AbortController()
    void this.#clock.sleep(CONNECT_TIMEOUT, over.signal).then(() => {
      if (!over.signal.aborted) deadline.abort()
    })
    const signal = AbortSignal.any([this.#stop.signal, deadline.signal])
    try {
      return await this.#way.open(signal)
    } catch (error) {
      return deadline.signal.aborted ? 'no connection in time' : saidOf(error as Error)
    } finally {
      over.abort()
    }
  }
}
