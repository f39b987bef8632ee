import type { Server, Socket } from 'node:net'

/** The connections to a listening server, and what faults do to them. */
export class Sockets {
  readonly #open = new Set<Socket>()
  readonly #hanging = new Map<Socket, Socket['destroy']>()

  watch(server: Server): void {
    server.prependListener('connection', (socket: Socket) => {
      this.#open.add(socket)
      guard(socket)
      socket.once('close', () => {
        this.#open.delete(socket)
        this.#hanging.delete(socket)
      })
    })
  }

  /** From now on nothing that comes over an open connection is heard, nothing is sent, and it is not closed. */
  hang(): void {
    for (const socket of this.#open) {
      if (this.#hanging.has(socket)) continue
      this.#hanging.set(socket, socket.destroy)
      socket
        .removeAllListeners('data')
        .removeAllListeners('end')
        .on('data', () => {})
      // Whoever owns the socket may give it up, and it stays open all the same.
      socket.write = () => true
      socket.end = () => socket
      socket.destroy = () => socket
      socket.destroySoon = () => {}
    }
  }

  /** Resets the connections that hang, as a peer does that has forgotten them. */
  reset(): void {
    for (const [socket, destroy] of this.#hanging) {
      socket.destroy = destroy
      socket.resetAndDestroy()
    }
    this.#hanging.clear()
  }

  /** Closes all of them. */
  close(): void {
    for (const [socket, destroy] of this.#hanging) socket.destroy = destroy
    this.#hanging.clear()
    for (const socket of this.#open) socket.destroy()
  }
}

/**
 * Ends a connection whose bytes the library cannot take. It throws, and would take the whole process with it, when a
 * malformed message comes in one piece with the first one.
 */
function guard(socket: Socket): void {
  const on = socket.on.bind(socket)
  const guarded = (event: string, listener: (...values: unknown[]) => void): Socket => {
    if (event !== 'data') return on(event, listener)
    return on('data', (...values: unknown[]) => {
      try {
        listener(...values)
      } catch {
        socket.destroy()
      }
    })
  }
  socket.on = guarded as Socket['on']
}
