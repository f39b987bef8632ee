import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'

const PROGRAMS = join(import.meta.dirname, 'programs')

/** A program that shares no code with ours, and is asked line by line. */
export class Witness implements AsyncDisposable {
  readonly #program: ChildProcessWithoutNullStreams
  readonly #lines: string[] = []
  #waiting: ((line: string) => void) | undefined

  private constructor(program: string, args: readonly string[]) {
    this.#program = spawn(program, args)
    createInterface(this.#program.stdout).on('line', line => {
      if (this.#waiting) this.#waiting(line)
      else this.#lines.push(line)
      this.#waiting = undefined
    })
    this.#program.stderr.pipe(process.stderr)
  }

  /** A device of pymodbus, from Debian's own Python. What it serves is said in its program. */
  static async pymodbus(...words: readonly string[]): Promise<{ witness: Witness; port: number }> {
    const program = join(PROGRAMS, 'pymodbus_device.py')
    const witness = new Witness('/usr/bin/python3', [program, ...(words.length > 0 ? words : ['tcp'])])
    return { witness, port: Number(JSON.parse(await witness.line()).port) }
  }

  /** A device of libmodbus, compiled into this folder. */
  static async libmodbus(
    folder: string,
    ...args: readonly string[]
  ): Promise<{ witness: Witness; said: string }> {
    const program = join(folder, 'libmodbus-device')
    const { stdout: flags } = await execa('pkg-config', ['--cflags', '--libs', 'libmodbus'])
    const source = join(PROGRAMS, 'libmodbus_device.c')
    await execa('gcc', ['-O1', '-w', '-o', program, source, ...flags.trim().split(/\s+/)])
    const witness = new Witness(program, args)
    return { witness, said: await witness.line() }
  }

  /** A cable between two names of serial ports. */
  static async cable(one: string, other: string): Promise<Witness> {
    const witness = new Witness('python3', [join(PROGRAMS, 'serial_cable.py'), one, other])
    await witness.line()
    return witness
  }

  /** The next line that it says. */
  async line(): Promise<string> {
    return this.#lines.shift() ?? (await new Promise<string>(resolve => (this.#waiting = resolve)))
  }

  async ask(question: object): Promise<Record<string, unknown>> {
    this.#program.stdin.write(`${JSON.stringify(question)}\n`)
    return JSON.parse(await this.line()) as Record<string, unknown>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#program.exitCode !== null) return
    const ended = once(this.#program, 'exit')
    this.#program.kill()
    await ended
  }
}
