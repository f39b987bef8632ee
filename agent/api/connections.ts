import type { Socket } from 'node:net'
import type { Clock, Millis } from '../../model/time.ts'

/** Most connections of one listener, and most of them that one source may have. */
export const CONNECTIONS_MAX = 512
const PER_SOURCE_MAX = 128

/** Whoever is told why has so long to read it. */
const LAST_WORD: Millis = 1000

/**
 * The connections of one listener, from the moment that they are taken. None of them ends the agent by breaking, none outlives what was
 * last said to it, and no source has all of them, whatever its other end does.
 */
export class Connections implements Disposable {
  readonly #clock: Clock
  readonly #open = new Set<Socket>()
  readonly #bySource = new Map<string, number>()
  readonly #ending = new WeakSet<Socket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes a connection in. Without a source it is not asked how many of them there are. */
  add(socket: Socket, source: string | undefined): void {
    // Node takes its own listener away when it hands a socket on, and an error that nobody listens for would be our end.
    socket.on('error', () => {})
    if (source !== undefined && !this.#hasRoom(source)) return void socket.destroy()
    this.#open.add(socket)
    this.#count(source, 1)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#count(source, -1)
    })
  }

  /** Whether its last word was said: what comes over it now is nothing any more. */
  isEnding(socket: Socket): boolean {
    return this.#ending.has(socket)
  }

  /** Says a last word and ends a connection; what still comes is let go by, and soon it is gone, whether or not its other end ends it. */
  end(socket: Socket, said = ''): void {
    if (socket.destroyed || this.#ending.has(socket)) return
    this.#ending.add(socket)
    const over = new AbortController()
    socket.once('close', () => over.abort())
    if (socket.writable) socket.end(said)
    // Unread bytes would turn our end into a reset, which takes the last word with it.
    socket.resume()
    void this.#clock.sleep(LAST_WORD, over.signal).then(() => socket.destroy())
  }

  [Symbol.dispose](): void {
    for (const socket of this.#open) socket.destroy()
  }

  /** Nobody may have more than is left for everybody else: so there is room for a newcomer, however many others try to take it. */
  #hasRoom(source: string): boolean {
    const left = CONNECTIONS_MAX - this.#open.size
    return (this.#bySource.get(source) ?? 0) < Math.min(PER_SOURCE_MAX, left)
  }

  #count(source: string | undefined, more: 1 | -1): void {
    if (source === undefined) return
    const open = (this.#bySource.get(source) ?? 0) + more
    if (open > 0) this.#bySource.set(source, open)
    else this.#bySource.delete(source)
  }
}
