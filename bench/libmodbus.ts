import { join } from 'node:path'
import { execa } from 'execa'
import type { PlcAddress } from './gateway.ts'

const SOURCE = join(import.meta.dirname, 'programs', 'libmodbus_client.c')

/** A Modbus client in C, compiled for the bench: what there is to be reached. */
export class LibmodbusClient {
  readonly #program: string
  readonly #plc: PlcAddress
  /** Of the library that it is linked with: `3.1.6`. */
  readonly version: string

  private constructor(program: string, plc: PlcAddress, version: string) {
    this.#program = program
    this.#plc = plc
    this.version = version
  }

  /** Compiles it into a folder. */
  static async compile(folder: string, plc: PlcAddress): Promise<LibmodbusClient> {
    const program = join(folder, 'libmodbus-client')
    try {
      const { stdout } = await execa('pkg-config', ['--cflags', '--libs', 'libmodbus'])
      await execa('gcc', ['-O2', '-o', program, SOURCE, ...stdout.trim().split(/\s+/)])
      const { stdout: version } = await execa('pkg-config', ['--modversion', 'libmodbus'])
      return new LibmodbusClient(program, plc, version.trim())
    } catch (error) {
      throw new Error(
        `the limit is libmodbus in C, which needs bin/setup --test: ${(error as Error).message}`,
      )
    }
  }

  /** Does it so many times on a connection of its own, after a warm-up. Returns how many milliseconds each took. */
  async time(what: 'write-and-read' | 'poll', count: number): Promise<number[]> {
    const { host, port } = this.#plc
    const { stdout } = await execa(this.#program, [host, String(port), what, String(count)])
    return stdout.split('\n').map(line => Number(line) / 1e6)
  }
}
