import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { access, mkdtemp, open, readdir, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'

/** A private directory for the files of one turn at the TPM, in memory where there is such a place; overwritten at the end. */
export class WorkDirectory implements AsyncDisposable {
  /** Places that were swept in this process. */
  static readonly #swept = new Set<string>()
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Makes one (mode 0700) under `root`, or under /dev/shm, or where temporary files go. */
  static async create(root: string | undefined): Promise<WorkDirectory> {
    const inMemory = access(MEMORY, constants.W_OK | constants.X_OK).then(
      () => MEMORY,
      () => tmpdir(),
    )
    const place = root ?? (await inMemory)
    await WorkDirectory.#sweep(place)
    return new WorkDirectory(await mkdtemp(join(place, `holdfast-${process.pid}-`)))
  }

  /** Takes away what a process left that was killed in the middle of a turn: blobs that only the TPM can read, and a message. */
  static async #sweep(place: string): Promise<void> {
    if (WorkDirectory.#swept.has(place)) return
    WorkDirectory.#swept.add(place)
    for (const name of await readdir(place)) {
      const pid = Number(/^holdfast-([0-9]+)-/.exec(name)?.[1])
      if (!pid || isRunning(pid)) continue
      // Another user's is not ours to take away, and says so.
      await new WorkDirectory(join(place, name))[Symbol.asyncDispose]().catch(() => {})
    }
  }

  path(name: string): string {
    return join(this.#path, name)
  }

  /**
   * Keeps a secret in a file that has no name, for a tool to read as /dev/stdin: tpm2_import wants a file that it can seek in.
   * Nobody else can open it, and nothing is left of it if this process is killed.
   */
  async keepSecret(secret: Uint8Array): Promise<SecretFile> {
    const path = this.path('secret')
    const file = await open(path, 'wx+', 0o600)
    await unlink(path)
    await file.write(secret, 0, secret.length, 0)
    return {
      file,
      [Symbol.asyncDispose]: async () => {
        await file.write(new Uint8Array(secret.length), 0, secret.length, 0)
        await file.close()
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const name of await readdir(this.#path)) await overwrite(this.path(name))
    } finally {
      await rm(this.#path, { recursive: true, force: true })
    }
  }
}

export interface SecretFile extends AsyncDisposable {
  readonly file: FileHandle
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

async function overwrite(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  const { size } = await file.stat()
  await file.write(new Uint8Array(size), 0, size, 0)
}
