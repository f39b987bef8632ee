import { constants } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants

/**
 * Puts a text in the place of a file, or where there is none; durable when it resolves. It is written beside its name first: a power cut
 * leaves the old file or the new one, and never half of one. `mode` are its permission bits, whatever the umask is. Rejects with
 * what the file system says; then the old one stands.
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.new`
  {
    // Root writes such files where others may lay a link in the draft's place (CWE-59).
    await using file = await open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode)
    // A draft that a crash left behind keeps the mode that it had.
    await file.chmod(mode)
    await file.writeFile(text)
    await file.sync()
  }
  await rename(draft, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}
