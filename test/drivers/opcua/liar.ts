import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'

const HEADER = 8

/**
 * Stands between an agent and its server, and reads along. In what the server says over a channel without security it puts other
 * words: of the same length, so that no length field has to change. What is signed it lets through.
 */
export class Liar implements AsyncDisposable {
  readonly #server
  readonly #sockets = new Set<Socket>()
  /** Everything that the agent has sent. */
  readonly heard: Buffer[] = []

  constructor(target: number, truth: string, lie: string) {
    if (truth.length !== lie.length) throw new TypeError(`${lie} is not as long as ${truth}`)
    this.#server = createServer(inside => {
      const outside = dial(target, '127.0.0.1')
      let rest = Buffer.alloc(0)
      let isSecured = false
      for (const [from, to] of [
        [inside, outside],
        [outside, inside],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => {})
        from.on('close', () => to.destroy())
      }
      inside.on('data', (bytes: Buffer) => {
        this.heard.push(bytes)
        // The first that an agent sends after it has opened the way says under which policy the channel is to be.
        isSecured ||= bytes.toString('latin1').startsWith('OPN') && !bytes.includes('SecurityPolicy#None')
        outside.write(bytes)
      })
      outside.on('data', (bytes: Buffer) => {
        rest = Buffer.concat([rest, bytes])
        while (rest.length >= HEADER && rest.length >= rest.readUInt32LE(4)) {
          const message = rest.subarray(0, rest.readUInt32LE(4))
          rest = rest.subarray(message.length)
          const text = message.toString('latin1')
          const isLie = !isSecured && text.startsWith('MSG')
          inside.write(isLie ? Buffer.from(text.replaceAll(truth, lie), 'latin1') : message)
        }
      })
    })
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
