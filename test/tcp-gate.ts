import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What becomes of the bytes of one connection, where they are not just passed on. */
export interface Passage {
  /** From whoever connected. */
  asked?(bytes: Buffer): void
  /** From the target. */
  answered?(bytes: Buffer): void
}

/** A TCP way to something that can be shut, opened, made to swallow what comes back, and listened in on. */
export class TcpGate implements AsyncDisposable {
  readonly #target: number
  readonly #passageOf: (inside: Socket, outside: Socket) => Passage
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #isMute = false
  port = 0

  /** `passageOf` is asked for each connection; the socket inside is that of whoever connected. */
  constructor(target: number, passageOf: (inside: Socket, outside: Socket) => Passage = () => ({})) {
    this.#target = target
    this.#passageOf = passageOf
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
    const passage = this.#passageOf(inside, outside)
    const asked = passage.asked ?? (bytes => void outside.write(bytes))
    const answered = passage.answered ?? (bytes => void inside.write(bytes))
    for (const [from, to, pass] of [
      [inside, outside, asked],
      [outside, inside, (bytes: Buffer) => this.#isMute || answered(bytes)],
    ] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('data', pass)
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}
