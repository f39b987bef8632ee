import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { execa } from 'execa'
import { ISOLATED, type ToolFailure, type TpmAccess, toolEnvironment } from './tool.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/**
 * A lock on a directory that other processes of holdfast respect. Node has no flock(2), so flock(1) takes it on a descriptor of ours:
 * it belongs to the open directory (flock(2)) and is free when this process closes that or dies, however it dies. The directory is opened
 * here and not by name in flock(1), which follows links and makes the file that a link leads to: root must not be led anywhere.
 */
export class ProcessLock implements AsyncDisposable {
  /** Why the lock is not held; undefined when it is. */
  readonly failure: ToolFailure | undefined
  readonly #directory: FileHandle | undefined

  private constructor(failure: ToolFailure | undefined, directory: FileHandle | undefined) {
    this.failure = failure
    this.#directory = directory
  }

  static async take(path: string, access: TpmAccess, signal: AbortSignal): Promise<ProcessLock> {
    const directory = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch((error: Error) => error)
    if (directory instanceof Error)
      return ProcessLock.#refused('exit', `${path} could not be locked: ${directory.message}`)
    if (signal.aborted) {
      await directory.close()
      return ProcessLock.#refused('aborted', '')
    }
    const answer = await execa('flock', ['--exclusive', '3'], {
      ...ISOLATED,
      env: toolEnvironment(access),
      // execa takes any open file descriptor; its types know the first ten by number only.
      stdio: ['ignore', 'ignore', 'ignore', directory.fd as 4],
      cancelSignal: signal,
    })
    if (!answer.failed) return new ProcessLock(undefined, directory)
    await directory.close()
    const cause = answer.isCanceled ? 'aborted' : answer.code === 'ENOENT' ? 'missing' : 'exit'
    return ProcessLock.#refused(cause, `${path} could not be locked`)
  }

  static #refused(cause: ToolFailure['cause'], why: string): ProcessLock {
    const stderr = why === '' ? '' : `ERROR: ${why}\n`
    return new ProcessLock({ kind: 'failed', tool: 'flock', cause, code: undefined, stderr }, undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory?.close()
  }
}
