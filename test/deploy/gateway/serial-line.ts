import { existsSync, readFileSync, rmSync } from 'node:fs'

const LOOK_MS = 250
/** So much of what it said last tells what happened: a trace of calls is some thirty lines. */
const LAST_LINES = 60

/** What Linux says when it goes no further (panic(9)), and when something in it went wrong and it goes on, nobody knows how. */
const DEATH = /Kernel panic - not syncing|\bOops: /

/** The serial line of a machine, which qemu writes into a file: what the machine's kernel says there, and whether it has died. */
export class SerialLine implements Disposable {
  readonly #path: string
  readonly #death = Promise.withResolvers<never>()
  readonly #looking: NodeJS.Timeout

  /** `path` is of a machine that is switched on after this. */
  constructor(path: string) {
    this.#path = path
    rmSync(path, { force: true })
    // It may die while nobody waits for anything.
    this.#death.promise.catch(() => undefined)
    this.#looking = setInterval(() => this.#look(), LOOK_MS)
  }

  /** Everything that was said so far. */
  get text(): string {
    return existsSync(this.#path) ? readFileSync(this.#path, 'utf8') : ''
  }

  /** What `work` comes to. Rejects as soon as the kernel has died, with its last lines: whoever asks a dead one waits for ever. */
  whileAlive<T>(work: Promise<T>): Promise<T> {
    return Promise.race([this.#death.promise, work])
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking)
  }

  #look(): void {
    const lines = this.text.split('\n')
    const said = lines.find(line => DEATH.test(line))
    if (said === undefined) return
    clearInterval(this.#looking)
    const last = lines.slice(-LAST_LINES).join('\n')
    this.#death.reject(new Error(`the machine's kernel has died: ${said.trim()}\n${last}`))
  }
}
