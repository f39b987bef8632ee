import { once } from 'node:events'
import { execa } from 'execa'
import { ISOLATED, type ToolFailure, type TpmAccess, toolEnvironment } from './tool.ts'

/**
 * A lock on a directory that other processes of holdfast respect. Node has no flock(2), so flock(1) holds it for as long as
 * its standard input stays open: when this process dies, however it dies, the kernel closes that and the lock is free.
 */
export class ProcessLock implements AsyncDisposable {
  /** Why the lock is not held; undefined when it is. */
  readonly failure: ToolFailure | undefined
  readonly #release: () => Promise<unknown>

  private constructor(failure: ToolFailure | undefined, release: () => Promise<unknown>) {
    this.failure = failure
    this.#release = release
  }

  static async take(directory: string, access: TpmAccess, signal: AbortSignal): Promise<ProcessLock> {
    const holder = execa('flock', ['--exclusive', directory, 'sh', '-c', 'echo held; exec cat'], {
      ...ISOLATED,
      env: toolEnvironment(access),
      buffer: false,
    })
    const kill = () => holder.kill()
    signal.addEventListener('abort', kill, { once: true })
    if (signal.aborted) kill()
    const held = await Promise.race([once(holder.stdout, 'data').then(() => true), holder.then(() => false)])
    signal.removeEventListener('abort', kill)
    if (held && !signal.aborted)
      return new ProcessLock(undefined, () => {
        holder.stdin.end()
        return holder
      })
    kill()
    const { code } = await holder
    const cause = signal.aborted ? 'aborted' : code === 'ENOENT' ? 'missing' : 'exit'
    const stderr = `ERROR: ${directory} could not be locked\n`
    return new ProcessLock(
      { kind: 'failed', tool: 'flock', cause, code: undefined, stderr },
      async () => undefined,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release()
  }
}
