import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * A small state that must survive a power cut, apart from the audit log, so that a full or broken log does not take it
 * along. It is written whole, to a new file that then takes the old one's place: a power cut leaves the one or the other.
 */
export class KeptFile<State> {
  readonly #path: string
  readonly #parse: (json: unknown) => State | undefined
  #wanted: { readonly state: State } | undefined
  #writing: Promise<void> | undefined

  /** `parse` says what a file's JSON means; undefined when it means nothing. */
  constructor(path: string, parse: (json: unknown) => State | undefined) {
    this.#path = path
    this.#parse = parse
  }

  get path(): string {
    return this.#path
  }

  /** Reads what was kept; undefined when nothing was. Throws when a file is there and cannot be understood. */
  async load(): Promise<State | undefined> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const state = this.#parse(JSON.parse(text))
    if (state === undefined) throw new SyntaxError('it is not what was written there')
    return state
  }

  /** Writes a state; resolves when it, or a newer one, is durable. Rejects when the disk will not have it. */
  save(state: State): Promise<void> {
    this.#wanted = { state }
    this.#writing ??= this.#write()
    return this.#writing
  }

  async #write(): Promise<void> {
    try {
      while (this.#wanted) {
        const { state } = this.#wanted
        this.#wanted = undefined
        await this.#replace(JSON.stringify(state))
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
