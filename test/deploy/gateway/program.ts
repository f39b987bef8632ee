import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 50
/** One that refuses to speak is given so long to end, which tells why. */
const ENDING_MS = 2000

/** A program of this host that ends with this one, whatever this one ends of. */
export class Program implements AsyncDisposable {
  readonly name: string
  readonly #child: ChildProcess
  readonly #log: string

  /** Starts one; what it says of itself goes to the file `log`. */
  constructor(name: string, words: readonly string[], log: string) {
    this.name = name
    this.#log = log
    const file = openSync(log, 'w')
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'nice', '-n', '5', name, ...words], {
      stdio: ['ignore', file, file],
    })
    closeSync(file)
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Throws, with what it said, when it has ended. */
  mustRun(): void {
    if (this.isRunning) return
    const said = readFileSync(this.#log, 'utf8').trim()
    throw new Error(`${this.name} has ended (${this.#child.signalCode ?? this.#child.exitCode}): ${said}`)
  }

  /** Waits until it has made its socket. Throws, with what it said, when it ends instead. */
  async hasMade(path: string): Promise<void> {
    while (!existsSync(path)) {
      this.mustRun()
      await delay(LOOK_MS)
    }
  }

  /** What `asked` gives; where that fails because the program ends, throws what the program said of it. */
  async answers<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked
    } catch (error) {
      await this.hasEnded(ENDING_MS).catch(() => undefined)
      this.mustRun()
      throw error
    }
  }

  /** Waits until it has ended by itself. Rejects when that takes more than `within` milliseconds. */
  async hasEnded(within: number): Promise<void> {
    if (this.isRunning) await once(this.#child, 'exit', { signal: AbortSignal.timeout(within) })
  }

  /** Ends it, at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isRunning) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
