import { type FileHandle, link, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { HostUser } from './place.ts'

export interface NewFileOptions {
  /** Permission bits, whatever the umask is. */
  readonly mode: number
  /** Whose it is to be; undefined: of whoever makes it. */
  readonly owner?: Pick<HostUser, 'uid' | 'gid'> | undefined
}

/**
 * A file that appears whole or not at all, and never in the place of another. It is begun beside its name, so that whoever needs a
 * place for a secret knows that there is one before the secret is made. Disposing of it leaves nothing of what was not kept.
 */
export class NewFile implements AsyncDisposable {
  readonly path: string
  readonly #options: NewFileOptions
  /** Held from the beginning: whoever may write to the folder can exchange what stands at the name, and not what is written to. */
  readonly #file: FileHandle

  private constructor(path: string, options: NewFileOptions, file: FileHandle) {
    this.path = path
    this.#options = options
    this.#file = file
  }

  /** Begins it. Rejects with what the file system says. */
  static async begin(path: string, options: NewFileOptions): Promise<NewFile> {
    const draft = draftOf(path)
    // What an interrupted run left.
    await rm(draft, { force: true })
    return new NewFile(path, options, await open(draft, 'wx', 0o600))
  }

  /** Writes it, durable when this resolves: `kept` when somebody else's stands there. Rejects with what the file system says. */
  async keep(text: string): Promise<'written' | 'kept'> {
    const { mode, owner } = this.#options
    await this.#file.writeFile(text)
    if (owner) await this.#file.chown(owner.uid, owner.gid)
    await this.#file.chmod(mode)
    await this.#file.sync()
    try {
      await link(draftOf(this.path), this.path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return 'kept'
      throw error
    }
    await rm(draftOf(this.path), { force: true })
    await using folder = await open(dirname(this.path), 'r')
    await folder.sync()
    return 'written'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
    await rm(draftOf(this.path), { force: true })
  }
}

function draftOf(path: string): string {
  return `${path}.new`
}

/** Writes a file that is not there yet; see `NewFile`. */
export async function writeOnce(
  path: string,
  text: string,
  options: NewFileOptions,
): Promise<'written' | 'kept'> {
  await using file = await NewFile.begin(path, options)
  return await file.keep(text)
}
