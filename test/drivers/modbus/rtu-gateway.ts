import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A serial device server of the tests' own: takes RTU frames over TCP and asks a Modbus TCP device. It shares no code with
 * the driver: its check sum goes by a table, where the driver's goes by bits.
 */
export class RtuGateway implements AsyncDisposable {
  readonly #device: { readonly host: string; readonly port: number }
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  port = 0

  constructor(device: { readonly host: string; readonly port: number }) {
    this.#device = device
  }

  async restore(): Promise<void> {
    if (this.#server) return
    const server = createServer(socket => this.#accept(socket)).listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address === 'object' && address) this.port = address.port
    this.#server = server
  }

  async drop(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop()
  }

  #accept(line: Socket): void {
    const device = connect(this.#device)
    for (const socket of [line, device]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        line.destroy()
        device.destroy()
      })
    }
    let asked = Buffer.alloc(0)
    line.on('data', (bytes: Buffer) => {
      asked = Buffer.concat([asked, bytes])
      const length = requestLength(asked)
      if (length === undefined || asked.length < length) return
      const frame = asked.subarray(0, length)
      asked = asked.subarray(length)
      if (crc(frame) !== 0) throw new Error(`a wrong check sum came: ${frame.toString('hex')}`)
      const body = frame.subarray(0, -2)
      device.write(Buffer.concat([Buffer.from([0, 1, 0, 0, body.length >> 8, body.length & 255]), body]))
    })
    let told = Buffer.alloc(0)
    device.on('data', (bytes: Buffer) => {
      told = Buffer.concat([told, bytes])
      while (told.length >= 6 && told.length >= 6 + told.readUInt16BE(4)) {
        const body = told.subarray(6, 6 + told.readUInt16BE(4))
        told = told.subarray(6 + body.length)
        line.write(withCheckSum(body))
      }
    })
  }
}

export function withCheckSum(body: Buffer): Buffer {
  const sum = crc(body)
  return Buffer.concat([body, Buffer.from([sum & 255, sum >> 8])])
}

function requestLength(frame: Buffer): number | undefined {
  const code = frame[1]
  if (code === undefined) return undefined
  if (code === 15 || code === 16) return frame.length < 7 ? undefined : 9 + (frame[6] ?? 0)
  if (code === 22) return 10
  if (code === 43) return 7
  return 8
}

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum % 2 === 1 ? 0xa001 : 0)
  return sum
})

function crc(bytes: Buffer): number {
  return bytes.reduce((sum, byte) => (sum >>> 8) ^ (TABLE[(sum ^ byte) & 255] ?? 0), 0xffff)
}
