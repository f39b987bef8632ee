import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const HOLDFAST = join(import.meta.dirname, '..', '..', '..', 'bin', 'holdfast.ts')

/** Runs `holdfast audit …` to its end. */
export function audit(...words: string[]): {
  code: number | null
  out: string
  err: string
  lines: string[]
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [HOLDFAST, 'audit', ...words], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  return { code: status, out: stdout, err: stderr, lines: stdout.split('\n').slice(0, -1) }
}

/** `holdfast audit …` while it runs: its lines, one after the other. */
export class RunningAudit implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>

  constructor(...words: string[]) {
    this.#child = spawn(process.execPath, [HOLDFAST, 'audit', ...words])
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async line(): Promise<string> {
    return (await this.#lines.next()).value
  }

  /** Ends it as Ctrl-C does; resolves with its exit code. */
  interrupt(): Promise<number | null> {
    const { promise, resolve } = Promise.withResolvers<number | null>()
    this.#child.on('close', resolve)
    this.#child.kill('SIGINT')
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
  }
}
