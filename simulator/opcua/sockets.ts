import type { Server, Socket } from 'node:net'
import type { Millis } from '../../model/time.ts'
import { realClock } from '../real-clock.ts'
import { Frames } from './frames.ts'

/** The connections to a listening server, and what faults do to them. */
export class Sockets {
  readonly #open = new Set<Socket>()
  readonly #hanging = new Map<Socket, Socket['destroy']>()

  /** `taken` says how many requests have been handed on until now. */
  watch(server: Server, taken: () => number): void {
    server.prependListener('connection', (socket: Socket) => {
      this.#open.add(socket)
      guard(socket, taken)
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

/** Status codes of OPC 10000-6 §A.2 that end a connection. */
const BAD_DECODING_ERROR = 0x8007_0000
const BAD_TCP_MESSAGE_TYPE_INVALID = 0x807e_0000
const LINGER: Millis = 1000

/**
 * Ends a connection whose bytes the library cannot take. It throws, and would take the whole process with it, when a
 * malformed message comes in one piece with the first one. A request that it cannot decode it passes over, and whoever sent
 * it would wait for an answer, or for the end of the channel. A chunk of a kind that there is none of it takes for a request.
 * `taken` is how many requests there have been until now, on all connections: the library hands them on before it gives
 * control back.
 */
function guard(socket: Socket, taken: () => number): void {
  const frames = new Frames()
  const on = socket.on.bind(socket)
  const guarded = (event: string, listener: (...values: unknown[]) => void): Socket => {
    if (event !== 'data') return on(event, listener)
    return on('data', (bytes: Buffer) => {
      const brought = frames.take(bytes)
      if (brought === 'unknown') return refuse(socket, BAD_TCP_MESSAGE_TYPE_INVALID)
      const before = taken()
      try {
        listener(bytes)
      } catch {
        socket.destroy()
      }
      if (taken() - before < brought.requests) refuse(socket, BAD_DECODING_ERROR)
      else if (brought.closes) socket.end()
    })
  }
  socket.on = guarded as Socket['on']
}

/** Says why, as an Error message (OPC 10000-6 §7.1.2.5), and closes, unless the library has done both. */
function refuse(socket: Socket, status: number): void {
  if (!socket.writable) return
  const message = Buffer.alloc(16)
  message.write('ERRF', 'latin1')
  message.writeUInt32LE(message.length, 4)
  message.writeUInt32LE(status, 8)
  message.writeInt32LE(-1, 12)
  socket.end(message)
  socket.removeAllListeners('data').on('data', () => {})
  // Whoever does not close, too, is not waited for: to close at once could overtake the message.
  const closed = new AbortController()
  socket.once('close', () => closed.abort())
  void realClock.sleep(LINGER, closed.signal).then(() => socket.destroy())
}
