import { createInterface } from 'node:readline/promises'
import { plainLines } from '../../model/plain.ts'
import type { Asker } from './interview.ts'

/** Both ends of a terminal. */
interface Ends {
  readonly stdin: NodeJS.ReadableStream
  readonly stderr: NodeJS.WritableStream
  readonly signal: AbortSignal
}

/**
 * A person at a terminal. What they are asked goes to standard error, so that standard output stays for what is made of the answers.
 * Ctrl-C and Ctrl-D end the conversation, and nothing else: whoever asks decides what that means.
 */
export class Terminal implements Asker, Disposable {
  readonly #output: NodeJS.WritableStream
  readonly #lines: ReturnType<typeof createInterface>
  readonly #gone = new AbortController()

  /** `signal` ends the conversation too. */
  constructor({ stdin, stderr, signal }: Ends) {
    this.#output = stderr
    this.#lines = createInterface({ input: stdin, output: stderr, terminal: true, signal })
    this.#lines.on('SIGINT', () => this.#gone.abort()).on('close', () => this.#gone.abort())
  }

  async ask(prompt: string): Promise<string | undefined> {
    const { signal } = this.#gone
    if (signal.aborted) return undefined
    return await this.#lines.question(plainLines(prompt), { signal }).catch((error: Error) => {
      if (signal.aborted) return undefined
      throw error
    })
  }

  say(text: string): void {
    this.#output.write(plainLines(text))
  }

  [Symbol.dispose](): void {
    this.#lines.close()
  }
}
