import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Version of the form of all such files. Whoever changes one so that an older program would read it wrong raises it: a
 * program never reads, and never writes over, a version that it does not know. Files from before there were versions are of this one.
 */
export const KEPT_VERSION = 1

/** A disk that has not answered by then hangs, and whoever waits for it is told so. A disk is real: so is the time that it takes. In milliseconds. */
const ANSWERS_WITHIN = 3000

/** A file that a newer program wrote. */
export class NewerKept extends Error {
  override readonly name = 'NewerKept'
}

/**
 * A small state that must survive a power cut, apart from the audit log, so that a full or broken log does not take it
 * along. It is written whole, to a new file that then takes the old one's place: a power cut leaves the one or the other.
 */
export class KeptFile<State> {
  readonly #path: string
  readonly #parse: (json: unknown) => State | undefined
  readonly #patience: () => AbortSignal
  #wanted: { readonly state: State } | undefined
  #writing: Promise<void> | undefined

  /** `parse` says what a file's JSON means; undefined when it means nothing. `patience` begins with each save: it aborts when the disk hangs. */
  constructor(
    path: string,
    parse: (json: unknown) => State | undefined,
    patience: () => AbortSignal = () => AbortSignal.timeout(ANSWERS_WITHIN),
  ) {
    this.#path = path
    this.#parse = parse
    this.#patience = patience
  }

  get path(): string {
    return this.#path
  }

  /** Reads what was kept; undefined when nothing was. Throws when a file is there and cannot be understood: NewerKept when a newer program wrote it. */
  async load(): Promise<State | undefined> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const state = this.#parse(unpack(JSON.parse(text)))
    if (state === undefined) throw new SyntaxError('it is not what was written there')
    return state
  }

  /**
   * Writes a state; resolves when it, or a newer one, is durable. Rejects when the disk will not have it, and when it has not answered
   * for 3 s: then it is written all the same once it answers, unless a newer one is.
   */
  async save(state: State): Promise<void> {
    this.#wanted = { state }
    this.#writing ??= this.#write()
    const patience = this.#patience()
    const late = Promise.withResolvers<never>()
    const isLate = () => late.reject(new Error(`the disk has not answered for ${ANSWERS_WITHIN / 1000} s`))
    patience.addEventListener('abort', isLate, { once: true })
    try {
      await Promise.race([this.#writing, late.promise])
    } finally {
      patience.removeEventListener('abort', isLate)
    }
  }

  async #write(): Promise<void> {
    try {
      while (this.#wanted) {
        const { state } = this.#wanted
        this.#wanted = undefined
        // The version first: an older package's scripts look for it there.
        await this.#replace(JSON.stringify({ version: KEPT_VERSION, state }))
      }
    } finally {
      // In the same step as the loop's last look: what is handed in after it begins a new one.
      this.#writing = undefined
    }
  }

  async #replace(text: string): Promise<void> {
    const temporary = `${this.#path}.new`
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    await using file = await open(temporary, 'w', 0o600)
    await file.writeFile(text)
    await file.sync()
    await rename(temporary, this.#path)
    await using folder = await open(dirname(this.#path), 'r')
    await folder.sync()
  }
}

/** What is in the envelope. Throws NewerKept. */
function unpack(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || !('version' in json)) return json
  const { version, state } = json as { version: unknown; state?: unknown }
  if (version === KEPT_VERSION) return state
  if (typeof version === 'number' && version > KEPT_VERSION)
    throw new NewerKept(
      `it has version ${version}, and this program knows ${KEPT_VERSION}: a newer holdfast wrote it`,
    )
  throw new SyntaxError(`it has no version that there ever was: ${String(version)}`)
}
