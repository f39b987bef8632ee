import { connect, type Socket } from 'node:net'
import modbusSerial from 'modbus-serial'
import type { Clock, Millis } from '../../model/time.ts'

/** The library is CommonJS: its class is the `default` of its exports. */
const ModbusRtu = modbusSerial.default
export type ModbusClient = InstanceType<typeof ModbusRtu>

export interface ModbusEndpoint {
  readonly host: string
  readonly port: number
  /** Unit identifier, 0 to 255. */
  readonly unit: number
}

/** A live connection. `lost` aborts when it ends, for whatever reason. */
export interface Connection {
  readonly modbus: ModbusClient
  readonly lost: AbortSignal
}

const BACKOFF_FIRST: Millis = 50
const BACKOFF_MAX: Millis = 2000
const CONNECT_TIMEOUT: Millis = 2000

/**
 * Keeps one TCP connection to a device, because modbus-serial does not reconnect by itself. It reconnects in the
 * background, with backoff and jitter, so that the link is there before it is needed; nothing waits in it for a link.
 */
export class ModbusLink implements AsyncDisposable {
  readonly #endpoint: ModbusEndpoint
  readonly #clock: Clock
  readonly #jitter: () => number
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  readonly #first = Promise.withResolvers<void>()
  #connection: Connection | undefined
  #socket: Socket | undefined
  #trouble = 'not connected yet'

  /** `jitter` gives a number from 0 to 1, which spreads the reconnects of many links. */
  constructor(endpoint: ModbusEndpoint, clock: Clock, jitter: () => number) {
    this.#endpoint = endpoint
    this.#clock = clock
    this.#jitter = jitter
    this.#running = this.#run()
  }

  /** The connection, or why there is none. */
  get connection(): Connection | { readonly trouble: string } {
    return this.#connection ?? { trouble: this.#trouble }
  }

  /** Resolves once the first attempt to connect has ended, well or badly. */
  get attempted(): Promise<void> {
    return this.#first.promise
  }

  /**
   * Gives the connection up and makes a new one. After an answer that did not come or made no sense it is the one way to
   * be sure that a late answer is not taken for another request's.
   */
  renew(connection: Connection, reason: string): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.#trouble = reason
    this.#socket?.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#socket?.destroy()
    await this.#running
  }

  async #run(): Promise<void> {
    let backoff = BACKOFF_FIRST
    while (!this.#stop.signal.aborted) {
      const socket = connect({
        host: this.#endpoint.host,
        port: this.#endpoint.port,
        noDelay: true,
        keepAlive: true,
      })
      this.#socket = socket
      const lost = new AbortController()
      const ended = new Promise<void>(resolve => socket.once('close', () => resolve()))
      socket.on('error', error => {
        this.#trouble = `${this.#endpoint.host}:${this.#endpoint.port}: ${error.message}`
      })
      const connectDeadline = new AbortController()
      void this.#clock.sleep(CONNECT_TIMEOUT, connectDeadline.signal).then(() => {
        if (!connectDeadline.signal.aborted) socket.destroy(new Error('no connection in time'))
      })
      const opened = await Promise.race([
        new Promise<boolean>(resolve => socket.once('connect', () => resolve(true))),
        ended.then(() => false),
      ])
      connectDeadline.abort()
      if (opened && !this.#stop.signal.aborted) {
        const modbus = new ModbusRtu()
        await modbus.linkTCP(socket, { port: this.#endpoint.port })
        modbus.setID(this.#endpoint.unit)
        // A lost connection is seen through `lost`; without a listener the library's own event would be an exception.
        modbus.on('error', () => {})
        this.#connection = { modbus, lost: lost.signal }
        this.#trouble = `the connection to ${this.#endpoint.host}:${this.#endpoint.port} was lost`
        backoff = BACKOFF_FIRST
      }
      this.#first.resolve()
      if (opened) await ended
      this.#connection = undefined
      lost.abort()
      if (this.#stop.signal.aborted) return
      await this.#clock.sleep(backoff * (0.5 + this.#jitter() / 2), this.#stop.signal)
      backoff = Math.min(backoff * 2, BACKOFF_MAX)
    }
  }
}
