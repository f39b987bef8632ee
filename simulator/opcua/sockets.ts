import type { Server, Socket } from 'node:net'
import type { Millis } from '../../model/time.ts'
import { realClock } from '../real-clock.ts'
import { Frames } from './frames.ts'
import { peerOf, sender } from './refusals.ts'

/** The connections to a listening server, and what faults do to them. */
export class Sockets {
  readonly #open = new Set<Socket>()
  readonly #hanging = new Map<Socket, Socket['destroy']>()
  /** Whose connections it was said of already why they end. */
  readonly #told = new Set<string>()

  /**
   * `taken` says how many requests have been handed on until now. `ended` is told whose connection is ended, and with which status code;
   * without one where it ends by itself before there is a channel.
   */
  watch(server: Server, taken: () => number, ended: (peer: string, status?: number) => void): void {
    server.prependListener('connection', (socket: Socket) => {
      const peer = peerOf(socket)
      this.#open.add(socket)
      let isOpen = false
      const tell = (status?: number) => {
        if (!this.#told.has(peer)) ended(peer, status)
        this.#told.add(peer)
      }
      watchAnswers(
        socket,
        () => {
          isOpen = true
        },
        tell,
      )
      guard(socket, taken, peer, tell)
      socket.once('close', () => {
        this.#open.delete(socket)
        if (!isOpen && !this.#hanging.has(socket)) tell()
        this.#hanging.delete(socket)
        this.#told.delete(peer)
      })
    })
  }

  /** It was said why the connection of this peer will end. */
  markTold(peer: string): void {
    this.#told.add(peer)
  }

  /** Whether it was said why the connection of this peer ends. */
  hasTold(peer: string): boolean {
    return this.#told.has(peer)
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

/** Looks at what the library says: whether there is a channel, and with which status code it ends the connection. */
function watchAnswers(socket: Socket, opened: () => void, ended: (status: number) => void): void {
  const write = socket.write.bind(socket) as (...words: unknown[]) => boolean
  socket.write = ((...words: unknown[]) => {
    const [bytes] = words
    const type = Buffer.isBuffer(bytes) ? bytes.toString('latin1', 0, 3) : ''
    if (type === 'OPN') opened()
    if (Buffer.isBuffer(bytes) && type === 'ERR' && bytes.length >= 12) ended(bytes.readUInt32LE(8))
    return write(...words)
  }) as Socket['write']
}

/**
 * Ends a connection whose bytes the library cannot take. It throws, and would take the whole process with it, when a
 * malformed message comes in one piece with the first one. A request that it cannot decode it passes over, and whoever sent
 * it would wait for an answer, or for the end of the channel. A chunk of a kind that there is none of it takes for a request.
 * `taken` is how many requests there have been until now, on all connections: the library hands them on before it gives
 * control back.
 */
function guard(socket: Socket, taken: () => number, peer: string, ended: (status: number) => void): void {
  const frames = new Frames()
  const end = (status: number) => {
    if (socket.writable) ended(status)
    refuse(socket, status)
  }
  const on = socket.on.bind(socket)
  const guarded = (event: string, listener: (...values: unknown[]) => void): Socket => {
    if (event !== 'data') return on(event, listener)
    return on('data', (bytes: Buffer) => {
      const brought = frames.take(bytes)
      if (brought === 'unknown') return end(BAD_TCP_MESSAGE_TYPE_INVALID)
      const before = taken()
      try {
        sender.run(peer, () => listener(bytes))
      } catch {
        ended(BAD_DECODING_ERROR)
        socket.destroy()
      }
      if (taken() - before < brought.requests) end(BAD_DECODING_ERROR)
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
