import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP way to something that can be shut, opened, and made to swallow what comes back. */
export class TcpGate implements AsyncDisposable {
  readonly #target: number
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #isMute = false
  port = 0

  constructor(target: number) {
    this.#target = target
  }

  async open(): Promise<void> {
    this.#isMute = false
    if (this.#server) return
    const server = createServer(socket => this.#accept(socket)).listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address === 'object' && address) this.port = address.port
    this.#server = server
  }

  /** Requests still get through, and answers do not; the connections stay. */
  mute(): void {
    this.#isMute = true
  }

  async shut(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shut()
  }

  #accept(inside: Socket): void {
    const outside = connect(this.#target, '127.0.0.1')
    for (const [from, to] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('data', bytes => {
        if (!this.#isMute || from === inside) to.write(bytes)
      })
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}
