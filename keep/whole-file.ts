import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Puts a text in the place of a file, or where there is none; durable when it resolves. It is written beside its name first: a power cut
 * leaves the old file or the new one, and never half of one. `mode` are its permission bits, whatever the umask is. Rejects with
 * what the file system says; then the old one stands.
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.new`
  {
    await using file = await open(draft, 'w', mode)
    // A draft that a crash left behind keeps the mode that it had.
    await file.chmod(mode)
    await file.writeFile(text)
    await file.sync()
  }
  await rename(draft, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}
