import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * The other end of a socket that takes a JSON object a line, `execute` and `arguments`, and answers each with `return` or `error` in
 * their order: qemu's own monitor (QMP), and the agent that runs in a guest (qemu-ga).
 */
export class Monitor implements Disposable {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  readonly #awaited = new Map<string, Waiting>()

  private constructor(socket: Socket) {
    this.#socket = socket
    const hasGone = () => {
      for (const { reject } of [...this.#waiting.splice(0), ...this.#awaited.values()])
        reject(new Error('the machine is off'))
    }
    socket.on('error', hasGone)
    socket.on('close', hasGone)
    const lines = createInterface({ input: socket })
    lines.on('line', line => this.#heard(line))
    // It repeats what the socket says.
    lines.on('error', hasGone)
  }

  static async connect(path: string): Promise<Monitor> {
    const socket = connect(path)
    await once(socket, 'connect')
    return new Monitor(socket)
  }

  /** What it returns; undefined arguments are left out. Rejects when it says no, or when the machine goes off meanwhile. */
  execute(command: string, options?: Record<string, unknown>): Promise<unknown> {
    if (this.#socket.destroyed) return Promise.reject(new Error('the machine is off'))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.push({ resolve, reject })
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: options })}\n`)
    return promise
  }

  /** Resolves when QMP next tells of such an event. Rejects when the machine goes off before. */
  event(name: string): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#awaited.set(name, { resolve, reject })
    return promise
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #heard(line: string): void {
    const said = JSON.parse(line) as Record<string, unknown>
    // QMP greets, and tells of events in between.
    if (typeof said.event === 'string') this.#awaited.get(said.event)?.resolve(said.data)
    if (!('return' in said) && !('error' in said)) return
    const waiting = this.#waiting.shift()
    if ('error' in said) waiting?.reject(new Error(JSON.stringify(said.error)))
    else waiting?.resolve(said.return)
  }
}
