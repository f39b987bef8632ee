import { execa } from 'execa'

const ANSI = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g')

/** Somebody at a real terminal (a pty of script(1)), who reads a question before answering it. */
export class Person {
  readonly #child
  #seen = 0
  #text = ''
  #waiting: (() => void) | undefined

  /** Has typed a command already: a program and its words. */
  constructor(folder: string, words: readonly string[]) {
    const command = words.map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
    this.#child = execa('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
      cwd: folder,
      reject: false,
      buffer: false,
      stdin: 'pipe',
      env: { TERM: 'xterm' },
    })
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#text += String(chunk)
      this.#waiting?.()
    })
    this.#child.stdout.on('end', () => this.#waiting?.())
  }

  /** Everything on the screen so far, without colours and cursor movements. */
  get screen(): string {
    return this.#text.replaceAll(ANSI, '').replaceAll('\r', '')
  }

  /** Waits until the screen has shown something new that matches. */
  async reads(wished: RegExp): Promise<void> {
    for (;;) {
      const screen = this.screen
      const found = wished.exec(screen.slice(this.#seen))
      if (found) {
        this.#seen += found.index + found[0].length
        return
      }
      if (this.#child.stdout.readableEnded) throw new Error(`${wished} never came:\n${screen}`)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting = resolve
      await promise
    }
  }

  /** Reads a question and answers it. */
  async answers(question: RegExp, answer: string): Promise<void> {
    await this.reads(question)
    this.types(`${answer}\r`)
  }

  types(keys: string): void {
    this.#child.stdin.write(keys)
  }

  /** The exit code, once it has ended. */
  async ended(): Promise<number | undefined> {
    return (await this.#child).exitCode
  }
}
