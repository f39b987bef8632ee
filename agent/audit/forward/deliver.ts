import { connect as connectTcp, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Millis } from '../../../model/time.ts'

/** A receiver of syslog over TLS (RFC 5425). */
export interface Receiver {
  readonly host: string
  readonly port: number
  /** Authority of the receiver's certificate, PEM. The certificate must be of `host`. */
  readonly ca: string
  /** What this side shows, where the receiver asks for it, PEM. */
  readonly certificate?: string
  readonly key?: string
  /** What is taken for its word that it has read everything: the orderly end of TLS, or any end of the connection without an error. */
  readonly end: 'orderly' | 'closed'
  /** How long one delivery may take. */
  readonly timeout: Millis
}

export type Delivery =
  /** The receiver has read all of it: it closed the connection in order after the last message. */
  | { readonly kind: 'delivered' }
  /** Nobody can say which of the messages arrived. */
  | {
      readonly kind: 'failed'
      readonly detail: string
      /** How many arrived for certain, where that is known. */
      readonly arrived?: number
    }

/**
 * Sends messages over a connection of their own, each with its length before it (RFC 5425 §4.3). Syslog knows no
 * acknowledgement; the one thing that TLS has is the orderly end: this side says that it is done (close_notify), and the receiver,
 * when it has read up to there, says so too (§4.4). A receiver that dies does not say it. `stop` ends it early, in doubt. Never rejects.
 */
export async function deliver(
  messages: readonly string[],
  to: Receiver,
  stop?: AbortSignal,
): Promise<Delivery> {
  const deadline = AbortSignal.timeout(to.timeout)
  // Both signals outlive the delivery, one of them by as long as the agent runs: what listens to them goes with it.
  const over = new AbortController()
  const { promise, resolve } = Promise.withResolvers<Delivery>()
  const fail = (detail: string) => resolve({ kind: 'failed', detail })
  const tcp = connectTcp({ host: to.host, port: to.port })
  const carrier = new Carrier(tcp)
  const tls: TLSSocket = connectTls({
    socket: carrier,
    host: to.host,
    servername: /[a-z]/i.test(to.host) ? to.host : '',
    ca: to.ca,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(to.certificate === undefined ? {} : { cert: to.certificate }),
    ...(to.key === undefined ? {} : { key: to.key }),
  })
  const { signal } = over
  deadline.addEventListener('abort', () => fail(`no end of it within ${to.timeout} ms`), { signal })
  const stopped = () => fail('it was stopped before its end')
  if (stop?.aborted) stopped()
  stop?.addEventListener('abort', stopped, { signal })
  tcp.on('error', error => fail(error.message))
  tls.on('error', error => fail(error.message))
  tls.on('secureConnect', () => tls.end(Buffer.concat(messages.map(frame))))
  let isOrderly = false
  tls.on('end', () => {
    isOrderly = !carrier.hasEnded
  })
  // Only now: a receiver that closes with something unread resets the connection, whatever TLS said before.
  carrier.onEnd = () => {
    if (!tls.writableFinished) fail('the receiver closed the connection before everything was sent')
    else if (isOrderly || to.end === 'closed') resolve({ kind: 'delivered' })
    else fail(NO_GOODBYE)
  }
  carrier.on('error', error => fail(error.message))
  tls.resume()
  try {
    return await promise
  } finally {
    over.abort()
    tls.destroy()
    tcp.destroy()
  }
}

const NO_GOODBYE =
  'the receiver closed the connection without the orderly end of TLS (close_notify), so nobody knows whether it read everything; where it never ends it in order (rsyslog with gtls), set audit.syslog.end to closed'

/** MSG-LEN SP SYSLOG-MSG, the length in octets. */
function frame(message: string): Buffer {
  const bytes = Buffer.from(message)
  return Buffer.concat([Buffer.from(`${bytes.length} `), bytes])
}

/**
 * The TCP connection under the TLS one. It passes the end of the stream on a turn later than what came before it, so that an end
 * that TLS saw by itself can be told from one that only TCP saw: anybody on the way can make the second.
 */
class Carrier extends Duplex {
  hasEnded = false
  /** Called when the TCP connection has ended and all that came before it was passed on. */
  onEnd = (): void => {}
  readonly #tcp: Socket

  constructor(tcp: Socket) {
    super({ allowHalfOpen: true })
    this.#tcp = tcp
    tcp.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) tcp.pause()
    })
    tcp.on('end', () => void this.#end())
    tcp.on('error', error => this.destroy(error))
  }

  override _read(): void {
    this.#tcp.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#tcp.write(chunk, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#tcp.end(() => done())
  }

  async #end(): Promise<void> {
    await turn()
    this.hasEnded = true
    this.push(null)
    await turn()
    this.onEnd()
  }
}
