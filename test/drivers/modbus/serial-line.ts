import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const PROGRAM = join(import.meta.dirname, 'programs', 'serial_line.py')

/** A pseudo terminal that leads to a TCP port, as a cable would to a device. It can be pulled out and put back. */
export class SerialLine implements AsyncDisposable {
  readonly path: string
  #program: ChildProcess | undefined

  constructor(path: string) {
    this.path = path
  }

  async plug(port: number): Promise<void> {
    if (this.#program) return
    const program = spawn('python3', [PROGRAM, this.path, String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#program = program
    await once(program.stdout, 'data')
  }

  async unplug(): Promise<void> {
    const program = this.#program
    this.#program = undefined
    if (!program) return
    const ended = once(program, 'exit')
    program.stdin?.end()
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unplug()
  }
}
