import type { Socket } from 'node:net'
import type { Clock, Millis } from '../../model/time.ts'

/** Most connections of one listener, and most of them that one source may have. */
export const CONNECTIONS_MAX = 512
const PER_SOURCE_MAX = 128

/** Whoever is told why has so long to read it. */
const LAST_WORD: Millis = 1000

/**
 * The connections of one listener, from the moment that they are taken. None of them ends the agent by breaking, and none
 * outlives what was last said to it, whatever its other end does.
 */
export class Connections {
  readonly #clock: Clock
  readonly #bySource = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes a connection in, where its source has not too many. One without a source is taken. */
  add(socket: Socket, source: string | undefined): void {
    // Node takes its own listener away when it hands a socket on, and an error that nobody listens for would be our end.
    socket.on('error', () => {})
    if (source !== undefined && (this.#bySource.get(source) ?? 0) >= PER_SOURCE_MAX)
      return void socket.destroy()
    this.#count(source, 1)
    socket.once('close', () => this.#count(source, -1))
  }

  /** Says a last word and ends a connection; what still comes is let go by, and soon it is gone, whether or not its other end ends it. */
  end(socket: Socket, said = ''): void {
    const over = new AbortController()
    socket.once('close', () => over.abort())
    if (socket.writable) socket.end(said)
    // Unread bytes would turn our end into a reset, which takes the last word with it.
    socket.resume()
    void this.#clock.sleep(LAST_WORD, over.signal).then(() => socket.destroy())
  }

  #count(source: string | undefined, more: 1 | -1): void {
    if (source === undefined) return
    const open = (this.#bySource.get(source) ?? 0) + more
    if (open > 0) this.#bySource.set(source, open)
    else this.#bySource.delete(source)
  }
}
