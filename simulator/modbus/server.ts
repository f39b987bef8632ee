import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../model/time.ts'
import type { Link } from '../faults.ts'
import { ModbusConnection } from './connection.ts'
import type { ModbusDevice } from './device.ts'
import type { Framing } from './framing.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** A server for one device, of Modbus TCP or of RTU over TCP. */
export class ModbusServer implements Link, AsyncDisposable {
  readonly #connections = new Set<ModbusConnection>()
  /** Those of them that hang. */
  readonly #hanging = new Set<ModbusConnection>()
  readonly #device: ModbusDevice
  readonly #framing: Framing
  readonly #clock: Clock
  #server: Server | undefined
  #address: Address
  #isDisposed = false

  /** Port 0 takes one from the kernel. Nothing listens until `restore`. */
  constructor(address: Address, device: ModbusDevice, framing: Framing, clock: Clock) {
    this.#address = address
    this.#device = device
    this.#framing = framing
    this.#clock = clock
  }

  /** Where it listens, once it does with the port that the kernel gave. */
  get address(): Address {
    return this.#address
  }

  /** Whether new connections are taken. */
  get isListening(): boolean {
    return this.#server !== undefined
  }

  /** Listens, for the first time or again. Rejects with the system's error when the address can't be had. */
  async restore(): Promise<void> {
    if (this.#server || this.#isDisposed) return
    const server = createServer(socket => this.#accept(socket))
    this.#server = server
    try {
      server.listen(this.#address)
      await once(server, 'listening')
    } catch (error) {
      this.#server = undefined
      throw error
    }
    const bound = server.address()
    if (bound !== null && typeof bound === 'object') {
      this.#address = { host: this.#address.host, port: bound.port }
    }
  }

  async drop(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const connection of this.#connections) connection.close()
    await closed
  }

  hang(): void {
    for (const connection of this.#connections) {
      connection.hang()
      this.#hanging.add(connection)
    }
  }

  reset(): void {
    for (const connection of this.#hanging) connection.reset()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    await this.drop()
  }

  #accept(socket: Socket): void {
    const connection = new ModbusConnection(socket, this.#device, this.#framing, this.#clock)
    this.#connections.add(connection)
    socket.on('close', () => {
      this.#connections.delete(connection)
      this.#hanging.delete(connection)
    })
  }
}
