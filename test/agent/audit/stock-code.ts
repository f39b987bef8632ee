import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { temporaryFolder } from '../../temporary-folder.ts'

const SOURCE = join(import.meta.dirname, 'programs', 'check_proof.go')

/** What Go needs to compile with the packages of Debian alone: nothing is fetched, and nothing of the user's settings counts. */
export const GO_SURROUNDINGS = {
  GO111MODULE: 'off',
  GOPATH: '/usr/share/gocode',
  GOFLAGS: '',
  GOPROXY: 'off',
  CGO_ENABLED: '0',
} as const

/** A program that judges checkpoints and proofs with the code that verifies Go's checksum database. */
export class StockCode implements AsyncDisposable {
  readonly #folder: AsyncDisposable & { readonly path: string }
  readonly #keys: string

  private constructor(folder: AsyncDisposable & { readonly path: string }, keys: string) {
    this.#folder = folder
    this.#keys = keys
  }

  /** Compiles it. `vkeys` is what a file `audit.vkey` has. */
  static async trusting(vkeys: string): Promise<StockCode> {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    await execa('go', ['build', '-o', join(folder.path, 'check_proof'), SOURCE], {
      env: { ...GO_SURROUNDINGS, GOCACHE: join(folder.path, 'cache') },
    })
    const keys = join(folder.path, 'audit.vkey')
    await writeFile(keys, vkeys)
    stack.move()
    return new StockCode(folder, keys)
  }

  /** What it says to each line: `yes`, or `no: ` and why. */
  async says(lines: readonly string[]): Promise<string[]> {
    const program = join(this.#folder.path, 'check_proof')
    const { stdout } = await execa(program, [this.#keys], { input: `${lines.join('\n')}\n` })
    return stdout.split('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]()
  }
}
