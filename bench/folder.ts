import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** Where file systems in memory say what they are (statfs(2)). */
const TMPFS = 0x0102_1994

/** A folder of its own that goes away with the measurement. */
export class Folder implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Makes one where TMPDIR says, or in /var/tmp, which unlike /tmp is on a disk everywhere. */
  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(root(), 'holdfast-bench-')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

/** What is wrong with measuring durability here, in words; undefined when nothing is. */
export async function durabilityTrouble(): Promise<string | undefined> {
  const { type } = await statfs(root())
  return type === TMPFS
    ? `${root()} is in memory, so what is said here of durable records is worth nothing: set TMPDIR to a folder on the disk that is to be measured`
    : undefined
}

function root(): string {
  return process.env.TMPDIR ?? '/var/tmp'
}
