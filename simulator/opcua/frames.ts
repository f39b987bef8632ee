const HEAD = 8
/** Types of message that clients send, and kinds of chunk (OPC 10000-6 §6.7.2.2, §7.1.2.2). */
const TYPES: ReadonlySet<string> = new Set(['HEL', 'OPN', 'MSG', 'CLO'])
const CHUNKS: ReadonlySet<string> = new Set(['F', 'C', 'A'])

/** What some bytes brought: so many whole requests, and whether the channel is to be closed; or a chunk of a kind that there is none of. */
export type Brought = { readonly requests: number; readonly closes: boolean } | 'unknown'

/** Follows the chunks of one connection, whatever pieces they come in, and keeps none of them. */
export class Frames {
  readonly #head = Buffer.alloc(HEAD)
  #known = 0
  #missing = 0
  #type = ''

  take(bytes: Buffer): Brought {
    let requests = 0
    let closes = false
    for (let at = 0; at < bytes.length; ) {
      if (this.#missing === 0) {
        const copied = bytes.copy(this.#head, this.#known, at, at + HEAD - this.#known)
        at += copied
        this.#known += copied
        if (this.#known < HEAD) break
        const [type, chunk] = [this.#head.toString('latin1', 0, 3), this.#head.toString('latin1', 3, 4)]
        if (!TYPES.has(type) || !CHUNKS.has(chunk)) return 'unknown'
        this.#known = 0
        this.#type = type + chunk
        // One that says that it is shorter than its own head is the library's to refuse.
        this.#missing = Math.max(0, this.#head.readUInt32LE(4) - HEAD)
      } else {
        const more = Math.min(this.#missing, bytes.length - at)
        at += more
        this.#missing -= more
      }
      if (this.#missing > 0) continue
      if (this.#type === 'MSGF') requests += 1
      if (this.#type.startsWith('CLO')) closes = true
      this.#type = ''
    }
    return { requests, closes }
  }
}
