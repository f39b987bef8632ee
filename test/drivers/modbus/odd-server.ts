import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** One request as it came: its header and its PDU. */
export interface OddRequest {
  readonly frame: Buffer
  readonly unit: number
  readonly pdu: Buffer
}

/** A Modbus TCP server that answers each request with the bytes that `answer` makes of it. */
export class OddServer implements AsyncDisposable {
  readonly #sockets = new Set<Socket>()
  readonly #server
  readonly port: number
  /** Every request that came, in order. */
  readonly requests: OddRequest[]
  /** How many connections there have been. */
  readonly connections: { count: number }

  private constructor(
    server: ReturnType<typeof createServer>,
    sockets: Set<Socket>,
    port: number,
    requests: OddRequest[],
    connections: { count: number },
  ) {
    this.#server = server
    this.#sockets = sockets
    this.port = port
    this.requests = requests
    this.connections = connections
  }

  static async start(
    answer: (request: OddRequest, socket: Socket) => Buffer | undefined,
    { closesAtOnce = false } = {},
  ): Promise<OddServer> {
    const sockets = new Set<Socket>()
    const requests: OddRequest[] = []
    const connections = { count: 0 }
    const server = createServer(socket => {
      connections.count += 1
      sockets.add(socket)
      if (closesAtOnce) socket.end()
      let rest = Buffer.alloc(0)
      socket.on('error', () => {})
      socket.on('data', (bytes: Buffer) => {
        rest = Buffer.concat([rest, bytes])
        while (rest.length >= 7 && rest.length >= 6 + rest.readUInt16BE(4)) {
          const frame = rest.subarray(0, 6 + rest.readUInt16BE(4))
          rest = rest.subarray(frame.length)
          const request = { frame, unit: frame[6] ?? 0, pdu: frame.subarray(7) }
          requests.push(request)
          const reply = answer(request, socket)
          if (reply && socket.writable) socket.write(reply)
        }
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    return new OddServer(server, sockets, port, requests, connections)
  }

  /** Closes every connection that there is. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** A well-formed answer to a request, from a PDU of any kind. */
export function reply({ frame, unit }: OddRequest, pdu: Buffer | readonly number[]): Buffer {
  const bytes = Buffer.from(pdu)
  const header = Buffer.from([frame[0] ?? 0, frame[1] ?? 0, 0, 0, 0, 0, unit])
  header.writeUInt16BE(bytes.length + 1, 4)
  return Buffer.concat([header, bytes])
}

/** Registers that answer as a device would: function codes 3, 4, 6, 16 and 22, and an exception for what is not held. */
export function registerDevice(registers: Map<number, number>) {
  return (request: OddRequest): Buffer => {
    const [code = 0] = request.pdu
    const address = request.pdu.readUInt16BE(1)
    const second = request.pdu.readUInt16BE(3)
    const addresses =
      code === 6 || code === 22 ? [address] : Array.from({ length: second }, (_, at) => address + at)
    if (addresses.some(at => !registers.has(at))) return reply(request, [code | 0x80, 2])
    if (code === 3 || code === 4) {
      const data = addresses.flatMap(at => [(registers.get(at) ?? 0) >> 8, (registers.get(at) ?? 0) & 0xff])
      return reply(request, [code, data.length, ...data])
    }
    if (code === 6) {
      registers.set(address, second)
      return reply(request, request.pdu)
    }
    if (code === 16) {
      for (const [index, at] of addresses.entries())
        registers.set(at, request.pdu.readUInt16BE(6 + 2 * index))
      return reply(request, request.pdu.subarray(0, 5))
    }
    if (code === 22) {
      const or = request.pdu.readUInt16BE(5)
      registers.set(address, ((registers.get(address) ?? 0) & second) | (or & ~second & 0xffff))
      return reply(request, request.pdu)
    }
    return reply(request, [code | 0x80, 1])
  }
}
