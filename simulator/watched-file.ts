import { type FSWatcher, watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Millis } from '../model/time.ts'

/** What a watched file holds, once nobody is writing it any more. */
export type FileContent =
  | { readonly kind: 'text'; readonly text: string }
  /** With its folder nothing is watched any more. */
  | { readonly kind: 'absent'; readonly missing: 'file' | 'folder' }
  /** Why, or the system's code, such as EACCES. */
  | { readonly kind: 'unreadable'; readonly reason: string }

/** A file has to stay as it is for so long before it is read: editors empty, write and rename it in several steps. */
const SETTLED: Millis = 100

/**
 * A file that somebody edits. Its folder is watched and not the file: an editor that saves by renaming puts another
 * file in its place, and one that is not there yet has nothing to watch. Whatever happens in the folder is a reason to look, and
 * what the file is (its inode, size and times) says whether there is anything new: one save is told once, however many events it makes.
 */
export class WatchedFile implements AsyncDisposable {
  readonly #path: string
  readonly #clock: Clock
  readonly #changed: (content: FileContent) => Promise<void>
  readonly #watcher: FSWatcher
  readonly #closing = new AbortController()
  #looking: Promise<void> = Promise.resolve()
  #isDue = false
  /** As it was when it was told last. */
  #told: string | undefined

  private constructor(path: string, clock: Clock, changed: (content: FileContent) => Promise<void>) {
    this.#path = path
    this.#clock = clock
    this.#changed = changed
    this.#watcher = watch(dirname(path), () => this.#stir())
    // The folder has gone, and the file with it: a look says so.
    this.#watcher.on('error', () => this.#stir())
  }

  /**
   * Watches a file, and tells what it holds now before this resolves. Each telling is waited for before the next. Rejects with the
   * system's error when the folder cannot be watched.
   */
  static async open(
    path: string,
    clock: Clock,
    changed: (content: FileContent) => Promise<void>,
  ): Promise<WatchedFile> {
    await using stack = new AsyncDisposableStack()
    const file = stack.use(new WatchedFile(path, clock, changed))
    file.#stir()
    await file.#looking
    stack.move()
    return file
  }

  /** Nothing is told any more once this resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    this.#watcher.close()
    await this.#looking
  }

  /** One look is under way and one more is due at most, however much happens in the folder. */
  #stir(): void {
    if (this.#isDue) return
    this.#isDue = true
    this.#looking = this.#looking.then(async () => {
      this.#isDue = false
      await this.#look()
    })
  }

  async #look(): Promise<void> {
    let seen = await this.#identity()
    while (seen !== this.#told && !this.#closing.signal.aborted) {
      await this.#clock.sleep(SETTLED, this.#closing.signal)
      const content = await this.#content()
      const now = await this.#identity()
      if (now === seen && !this.#closing.signal.aborted) {
        this.#told = now
        await this.#changed(content)
      }
      seen = now
    }
  }

  async #content(): Promise<FileContent> {
    try {
      // A pipe would be waited for without end.
      if (!(await stat(this.#path)).isFile()) return { kind: 'unreadable', reason: 'it is no ordinary file' }
      return { kind: 'text', text: await readFile(this.#path, 'utf8') }
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') return { kind: 'unreadable', reason: code }
      const folder = await stat(dirname(this.#path)).catch(() => undefined)
      return { kind: 'absent', missing: folder ? 'file' : 'folder' }
    }
  }

  /** What tells a file from the one that was there before. */
  async #identity(): Promise<string> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true })
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'unknown'
    }
  }
}
