import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'

const ROOT = join(import.meta.dirname, '..')
export const HOLDFAST = join(ROOT, 'bin', 'holdfast')
/** The runtime that holdfast runs on, so that a bare process is compared on the same one. */
export const NODE = join(ROOT, 'node_modules', '.bin', 'node')
const DEADLINE = 30_000
const STDERR_KEPT = 4000
/** Where utime stands in /proc/PID/stat, counted from the field after the name; stime follows. */
const UTIME = 11
/** Linux tells processor time in hundredths of a second, whatever it counts in (USER_HZ). */
const TICK_MS = 10

/** One line that a program wrote to its log. */
export type LogLine = Readonly<Record<string, unknown>>

interface Waiter {
  readonly wished: (line: LogLine) => boolean
  readonly found: PromiseWithResolvers<LogLine>
}

/** A process of its own that writes JSON lines on standard output. Disposing of it ends it and waits until it has ended. */
export class Program implements AsyncDisposable {
  readonly pid: number
  readonly #name: string
  readonly #child: ReturnType<typeof spawn>
  readonly #waiting = new Set<Waiter>()
  #stderr = ''
  #ended: string | undefined

  constructor(file: string, words: readonly string[]) {
    this.#name = [file === HOLDFAST ? 'holdfast' : 'node', words[0]].join(' ')
    this.#child = spawn(file, words)
    this.pid = this.#child.pid ?? 0
    createInterface({ input: this.#child.stdout }).on('line', text => this.#take(text))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT)
    })
    void this.#child.then(({ exitCode, signal, originalMessage }) => {
      const how = exitCode ?? signal ?? originalMessage
      this.#ended = `${this.#name} ended with ${how}. ${this.#stderr.trim()}`.trim()
      for (const { found } of this.#waiting) found.reject(new Error(this.#ended))
    })
  }

  /** Resolves with the next line that is as wished. Rejects when the program ends first, or is silent for half a minute. */
  async line(wished: (line: LogLine) => boolean): Promise<LogLine> {
    if (this.#ended !== undefined) throw new Error(this.#ended)
    const waiter: Waiter = { wished, found: Promise.withResolvers() }
    this.#waiting.add(waiter)
    const late = setTimeout(
      () => waiter.found.reject(new Error(`${this.#name} did not say what was waited for in time`)),
      DEADLINE,
    )
    try {
      return await waiter.found.promise
    } finally {
      clearTimeout(late)
      this.#waiting.delete(waiter)
    }
  }

  /** Resolves when the program has ended well. */
  async done(): Promise<void> {
    const { exitCode } = await this.#child
    if (exitCode !== 0) throw new Error(`${this.#name} ended with ${exitCode}. ${this.#stderr.trim()}`)
  }

  /** Memory that the process holds now, in MiB (`VmRSS` of proc(5)). */
  async residentMib(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8')
    const [, kib] = /^VmRSS:\s+([0-9]+) kB$/m.exec(status) ?? []
    if (kib === undefined) throw new Error(`/proc/${this.pid}/status does not tell VmRSS`)
    return Number(kib) / 1024
  }

  /** Processor time that the process has taken until now, in milliseconds: utime and stime of proc(5). Other programs' load does not change it. */
  async processorMs(): Promise<number> {
    const stat = await readFile(`/proc/${this.pid}/stat`, 'latin1')
    // The second field is the program's name, in brackets, and may have anything in it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[UTIME]) + Number(fields[UTIME + 1])) * TICK_MS
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#child
  }

  #take(text: string): void {
    if (this.#waiting.size === 0 || !text.startsWith('{')) return
    const line = JSON.parse(text) as LogLine
    for (const { wished, found } of this.#waiting) if (wished(line)) found.resolve(line)
  }
}

function spawn(file: string, words: readonly string[]) {
  return execa(file, words, { reject: false, buffer: false, stdin: 'ignore', forceKillAfterDelay: 5000 })
}
