import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Plant } from '../../../simulator/plant.ts'

/** A client that sends whatever bytes it is given. */
export class RawClient implements Disposable {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  /** Resolves when the other end has closed the connection. */
  readonly closed: Promise<void>

  /** Resolves with the code of the error that ended the connection. */
  readonly failure: Promise<string | undefined>

  private constructor(socket: Socket) {
    this.#socket = socket
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
    this.failure = new Promise(resolve => {
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
    socket.on('data', chunk => {
      this.#received = Buffer.concat([this.#received, Buffer.from(chunk)])
    })
  }

  static async connect({ address }: Pick<Plant, 'address'>): Promise<RawClient> {
    const socket = connect(address)
    socket.setNoDelay(true)
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  send(hex: string | Buffer): void {
    this.#socket.write(typeof hex === 'string' ? Buffer.from(hex.replaceAll(' ', ''), 'hex') : hex)
  }

  /** Everything received so far, as hex. */
  get received(): string {
    return this.#received.toString('hex')
  }

  /** Resolves with everything received once it is `bytes` bytes or more, as hex; with less if the connection closes. */
  async receive(bytes: number): Promise<string> {
    while (this.#received.length < bytes && !this.#socket.closed) {
      await Promise.race([once(this.#socket, 'data'), this.closed])
    }
    return this.received
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}

/** A Modbus TCP frame with a right length, from a PDU in hex. */
export function frame(transaction: number, pdu: string, unit = 1): string {
  const bytes = Buffer.from(pdu.replaceAll(' ', ''), 'hex')
  const header = Buffer.alloc(7)
  header.writeUInt16BE(transaction, 0)
  header.writeUInt16BE(bytes.length + 1, 4)
  header.writeUInt8(unit, 6)
  return Buffer.concat([header, bytes]).toString('hex')
}
