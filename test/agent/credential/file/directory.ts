import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Who runs the tests. */
export const ME = process.getuid?.() ?? 0

/** A directory of mode 0700 for a test, and files in it with an exact mode, whatever the umask is. */
export class TestDirectory implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async create(): Promise<TestDirectory> {
    return new TestDirectory(await mkdtemp(join(tmpdir(), 'hf-key-')))
  }

  file(name: string): string {
    return join(this.path, name)
  }

  async write(name: string, content: string | Uint8Array, mode = 0o600): Promise<string> {
    const path = this.file(name)
    await rm(path, { force: true })
    await writeFile(path, content)
    await chmod(path, mode)
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

/** A key as it stands in a file. */
export function keyText(key: Uint8Array): string {
  return `${Buffer.from(key).toString('hex')}\n`
}
