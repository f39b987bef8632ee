import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import type { Table, WritableTable } from '../../../simulator/image.ts'

const PROGRAMS = join(import.meta.dirname, 'programs')

/** A Modbus master that shares no code with ours, asked line by line: programs/. */
export class ForeignMaster implements AsyncDisposable {
  readonly #program: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>

  private constructor(program: string, args: readonly string[]) {
    this.#program = spawn(program, args)
    this.#program.stderr.pipe(process.stderr)
    this.#lines = createInterface(this.#program.stdout)[Symbol.asyncIterator]()
  }

  /** Debian's own Python has it. `way` is how the plant is reached, as the program says. */
  static async pymodbus(...way: readonly (string | number)[]): Promise<ForeignMaster> {
    const program = join(PROGRAMS, 'pymodbus_client.py')
    return ForeignMaster.#ready(new ForeignMaster('/usr/bin/python3', [program, ...way.map(String)]))
  }

  /** Compiled into this folder. `way` is how the plant is reached, as the program says. */
  static async libmodbus(folder: string, ...way: readonly (string | number)[]): Promise<ForeignMaster> {
    const program = join(folder, 'libmodbus-client')
    const { stdout: flags } = await execa('pkg-config', ['--cflags', '--libs', 'libmodbus'])
    const source = join(PROGRAMS, 'libmodbus_client.c')
    await execa('gcc', ['-O1', '-Wall', '-Werror', '-o', program, source, ...flags.trim().split(/\s+/)])
    return ForeignMaster.#ready(new ForeignMaster(program, way.map(String)))
  }

  static async #ready(master: ForeignMaster): Promise<ForeignMaster> {
    await master.#line()
    return master
  }

  /** The raw values, or what went wrong in words. */
  async read(table: Table, address: number, count: number): Promise<readonly number[] | string> {
    const said = await this.#ask(`read ${table} ${address} ${count}`)
    return /^[0-9 ]+$/.test(said) ? said.split(' ').map(Number) : said
  }

  /** With function 5 or 6: `ok`, or what went wrong. */
  write(table: WritableTable, address: number, value: number): Promise<string> {
    return this.#ask(`write ${table} ${address} ${value}`)
  }

  /** With function 15 or 16: `ok`, or what went wrong. */
  writeMany(table: WritableTable, address: number, values: readonly number[]): Promise<string> {
    return this.#ask(`write-many ${table} ${address} ${values.join(' ')}`)
  }

  /** A number in registers, or what went wrong. `format` is its type, and of pymodbus the orders of bytes and words. */
  number(table: Table, address: number, ...format: readonly string[]): Promise<string> {
    return this.#ask(`number ${table} ${address} ${format.join(' ')}`)
  }

  /** With function 16: `ok`, or what went wrong. */
  putNumber(address: number, value: number, ...format: readonly string[]): Promise<string> {
    return this.#ask(`put-number ${address} ${format.join(' ')} ${value}`)
  }

  /** With function 22: `ok`, or what went wrong. */
  mask(address: number, and: number, or: number): Promise<string> {
    return this.#ask(`mask ${address} ${and} ${or}`)
  }

  /** With function 23, writes and then reads: the raw values, or what went wrong. */
  exchange(
    read: { readonly address: number; readonly count: number },
    write: { readonly address: number; readonly values: readonly number[] },
  ): Promise<string> {
    return this.#ask(`exchange ${read.address} ${read.count} ${write.address} ${write.values.join(' ')}`)
  }

  /** With function 43/14, of pymodbus: the answer as JSON, or what went wrong. */
  identify(code: number, object: number): Promise<string> {
    return this.#ask(`identify ${code} ${object}`)
  }

  async #ask(line: string): Promise<string> {
    this.#program.stdin.write(`${line}\n`)
    return this.#line()
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the master has ended')
    return value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#program.exitCode !== null) return
    const ended = once(this.#program, 'exit')
    this.#program.kill()
    await ended
  }
}
