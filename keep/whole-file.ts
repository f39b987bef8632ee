import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC } = constants

/** Whom a file belongs to, by number; what `stat()` tells of another file is one. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * Puts a content in the place of a file, or where there is none; durable when it resolves. It is written beside its name first: a power cut
 * leaves the old file or the new one, and never half of one. `mode` are its permission bits, whatever the umask is; `owner` is whose it
 * will be, where root writes into a folder of somebody's. Rejects with what the file system says; then the old one stands.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  mode: number,
  owner?: Owner,
): Promise<void> {
  const draft = `${path}.new`
  // Somebody's folder may have anything in it: root writes into nothing that lies there already.
  if (owner) await rm(draft, { force: true })
  {
    await using file = await open(draft, O_WRONLY | O_CREAT | O_NOFOLLOW | (owner ? O_EXCL : O_TRUNC), mode)
    // A draft that a crash left behind keeps the mode that it had.
    await file.chmod(mode)
    if (owner) await file.chown(owner.uid, owner.gid)
    await file.writeFile(content)
    await file.sync()
  }
  await rename(draft, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}
