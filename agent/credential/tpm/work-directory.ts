import { constants, type Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { access, lstat, mkdtemp, open, readdir, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants
const PERMISSION_BITS = 0o7777
const WRITABLE_BY_OTHERS = 0o022
const ROOT = 0
const OWNER_ONLY = 0o700
const FOREIGN: ReadonlySet<string> = new Set(['ELOOP', 'EISDIR', 'ENXIO'])

/** Places in memory, the best first: in /run root alone can make anything, in /dev/shm everybody can. */
const IN_MEMORY = ['/run', '/dev/shm']

/** A private directory for the files of one turn at the TPM, in memory where there is such a place; overwritten at the end. */
export class WorkDirectory implements AsyncDisposable {
  /** Places that were swept in this process. */
  static readonly #swept = new Set<string>()
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Makes one (mode 0700) under `root`, or in memory, or where temporary files go. */
  static async create(root: string | undefined): Promise<WorkDirectory> {
    const place = root ?? (await roomInMemory()) ?? tmpdir()
    await WorkDirectory.#sweep(place)
    return new WorkDirectory(await mkdtemp(join(place, `holdfast-${process.pid}-`)))
  }

  /**
   * Takes away what a process left that was killed in the middle of a turn: blobs that only the TPM can read, and a message. Only
   * where nobody else can put anything, and only what this user made: a name says nothing about whose it is. In /dev/shm it stays
   * until the host starts anew.
   */
  static async #sweep(place: string): Promise<void> {
    if (WorkDirectory.#swept.has(place)) return
    WorkDirectory.#swept.add(place)
    const found = await lstat(place)
    if (!found.isDirectory() || !isOutOfReach(found)) return
    for (const name of await readdir(place)) {
      const pid = Number(/^holdfast-([0-9]+)-/.exec(name)?.[1])
      if (!pid || isRunning(pid)) continue
      const path = join(place, name)
      const left = await lstat(path).catch(() => undefined)
      if (left === undefined || !isOwnDirectory(left)) continue
      await new WorkDirectory(path)[Symbol.asyncDispose]().catch(() => {})
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

/** The first place in memory where this user may make a directory. */
async function roomInMemory(): Promise<string | undefined> {
  for (const place of IN_MEMORY) {
    const mayWrite = await access(place, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    )
    if (mayWrite) return place
  }
  return undefined
}

/** Whether nobody but this user and root can make or exchange anything in a directory. */
function isOutOfReach({ uid, mode }: Stats): boolean {
  return (uid === ROOT || uid === process.getuid?.()) && (mode & WRITABLE_BY_OTHERS) === 0
}

/** Whether it is what `create` makes, and this user made it. */
function isOwnDirectory(found: Stats): boolean {
  return (
    found.isDirectory() && found.uid === process.getuid?.() && (found.mode & PERMISSION_BITS) === OWNER_ONLY
  )
}

/** Overwrites a file of this user's that has no other name. Nothing else is touched, and no link is followed (CWE-59). */
async function overwrite(path: string): Promise<void> {
  // O_NONBLOCK: to open a named pipe or a device could otherwise wait.
  const file = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK).catch(ignoreForeign)
  if (file === undefined) return
  await using _file = file
  const found = await file.stat()
  if (!found.isFile() || found.nlink !== 1 || found.uid !== process.getuid?.()) return
  await file.write(new Uint8Array(found.size), 0, found.size, 0)
}

/** What cannot be opened so is a link, a directory or a socket: none of them is a file of a turn. */
function ignoreForeign(error: NodeJS.ErrnoException): undefined {
  if (!FOREIGN.has(error.code ?? '')) throw error
}
