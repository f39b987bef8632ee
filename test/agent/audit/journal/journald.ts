import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const PROGRAM = join(import.meta.dirname, 'journald.py')

export type Entry = { readonly [field: string]: string }

/** A process that listens as journald does, and shares no code with what it listens to. */
export class Journald implements AsyncDisposable {
  readonly entries: Entry[] = []
  readonly #child: ChildProcessWithoutNullStreams
  readonly #path: string
  readonly #waiting = new Set<() => void>()

  private constructor(path: string) {
    this.#path = path
    this.#child = spawn('python3', [PROGRAM, path])
    this.#child.stderr.pipe(process.stderr)
    createInterface({ input: this.#child.stdout }).on('line', line => {
      const entry = JSON.parse(line) as Entry
      if (!('listening' in entry)) this.entries.push(entry)
      for (const look of this.#waiting) look()
    })
  }

  static async listen(path: string): Promise<Journald> {
    const journald = new Journald(path)
    await once(journald.#child.stdout, 'data')
    return journald
  }

  /** Resolves when so many entries are there, with all of them. */
  async until(count: number): Promise<Entry[]> {
    await this.#when(() => this.entries.length >= count)
    return this.entries
  }

  /** Resolves with the first entry, past or future, that is as wished. */
  async find(wished: (entry: Entry) => boolean): Promise<Entry> {
    await this.#when(() => this.entries.some(wished))
    return this.entries.find(wished) as Entry
  }

  async #when(condition: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => void (condition() && resolve())
    this.#waiting.add(look)
    look()
    await promise
    this.#waiting.delete(look)
  }

  /** Takes nothing any more, until `resume`. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL')
      await once(this.#child, 'close')
    }
    rmSync(this.#path, { force: true })
  }
}
