import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

const PROGRAM = join(import.meta.dirname, 'syslog_receiver.py')

/** A receiver in a process of its own, which shares no code with the sender. */
export class ReceiverProcess implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcessByStdio<null, Readable, null>
  readonly #messages: string[]

  private constructor(child: ChildProcessByStdio<null, Readable, null>, port: number, messages: string[]) {
    this.#child = child
    this.port = port
    this.#messages = messages
  }

  /** Starts one; `messages` is where it puts what it gets. A port of 0 takes a free one. */
  static async start(
    files: { certificate: string; key: string },
    messages: string[],
    port = 0,
    ...more: string[]
  ): Promise<ReceiverProcess> {
    const words = [PROGRAM, files.certificate, files.key, String(port), ...more]
    const child = spawn('python3', words, { stdio: ['ignore', 'pipe', 'ignore'] })
    const lines = createInterface({ input: child.stdout })
    const [first] = (await once(lines, 'line')) as [string]
    lines.on('line', line => messages.push(JSON.parse(line) as string))
    return new ReceiverProcess(child, Number(first.split(' ')[1]), messages)
  }

  /** Resolves when it has ended by itself and all that it said was read. */
  async ended(): Promise<void> {
    if (this.#child.exitCode === null) await once(this.#child, 'close')
  }

  /** Ends it at once, as a power cut does. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await once(this.#child, 'close')
  }

  /** Resolves when it has got so many messages. */
  async got(count: number): Promise<void> {
    while (this.#messages.length < count) await once(this.#child.stdout, 'data')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill()
  }
}
