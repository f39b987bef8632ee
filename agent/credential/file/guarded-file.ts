import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
const PERMISSION_BITS = 0o7777
const WRITABLE_BY_OTHERS = 0o022
const ROOT = 0

export interface GuardedFileRules {
  /** The user that this process runs as, `process.getuid()`. Only this user and root are trusted. */
  readonly user: number
  /** Who alone may own the file; this user or root unless given. */
  readonly owner?: number
  /** The permission bits that the file may have at most, such as 0o600. */
  readonly modeMax: number
  /** In bytes. */
  readonly lengthMax: number
}

/** Why a file is not read. Whatever is in the file is not in here. */
export type GuardedFileFault =
  | { readonly kind: 'fault'; readonly cause: 'missing' | 'denied' | 'link' | 'not-regular' | 'too-long' }
  | { readonly kind: 'fault'; readonly cause: 'owner'; readonly owner: number }
  | { readonly kind: 'fault'; readonly cause: 'mode'; readonly mode: number }
  | { readonly kind: 'fault'; readonly cause: 'directory-owner'; readonly owner: number }
  | { readonly kind: 'fault'; readonly cause: 'directory-mode'; readonly mode: number }
  | { readonly kind: 'fault'; readonly cause: 'system'; readonly code: string }

/** The bytes of a file, overwritten when disposed of. */
export class GuardedBytes implements Disposable {
  readonly kind = 'bytes'
  readonly bytes: Uint8Array
  readonly #memory: Uint8Array

  constructor(memory: Uint8Array, length: number) {
    this.#memory = memory
    this.bytes = memory.subarray(0, length)
  }

  [Symbol.dispose](): void {
    this.#memory.fill(0)
  }
}

/**
 * Reads a file that nobody but its owner and root can have written, and, with a `modeMax` of 0o600, read. It must be a
 * regular file and no link, and others must not be able to put another file in its place. What is examined is the open
 * file, not the path, so it cannot be exchanged in between (CWE-367). Of the directories above, only the nearest is examined.
 */
export async function readGuardedFile(
  path: string,
  rules: GuardedFileRules,
): Promise<GuardedBytes | GuardedFileFault> {
  try {
    // O_NONBLOCK: to open a named pipe would otherwise wait for somebody to write into it.
    await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const fault =
      examineFile(await file.stat(), rules) ?? examineDirectory(await stat(dirname(path)), rules.user)
    return fault ?? (await readWhole(file, rules.lengthMax))
  } catch (error) {
    return faultOf(error)
  }
}

function examineFile(found: Stats, { user, owner, modeMax }: GuardedFileRules): GuardedFileFault | undefined {
  if (!found.isFile()) return { kind: 'fault', cause: 'not-regular' }
  if (owner === undefined ? !isTrusted(found.uid, user) : found.uid !== owner)
    return { kind: 'fault', cause: 'owner', owner: found.uid }
  const mode = found.mode & PERMISSION_BITS
  return (mode & ~modeMax) === 0 ? undefined : { kind: 'fault', cause: 'mode', mode }
}

function examineDirectory(found: Stats, user: number): GuardedFileFault | undefined {
  if (!isTrusted(found.uid, user)) return { kind: 'fault', cause: 'directory-owner', owner: found.uid }
  const mode = found.mode & PERMISSION_BITS
  return (mode & WRITABLE_BY_OTHERS) === 0 ? undefined : { kind: 'fault', cause: 'directory-mode', mode }
}

function isTrusted(owner: number, user: number): boolean {
  return owner === ROOT || owner === user
}

async function readWhole(file: FileHandle, lengthMax: number): Promise<GuardedBytes | GuardedFileFault> {
  // Not from the shared pool, and one byte more than there may be.
  const memory = Buffer.alloc(lengthMax + 1)
  let length = 0
  try {
    while (length < memory.length) {
      const { bytesRead } = await file.read(memory, length, memory.length - length, length)
      if (bytesRead === 0) return new GuardedBytes(memory, length)
      length += bytesRead
    }
  } catch (error) {
    memory.fill(0)
    throw error
  }
  memory.fill(0)
  return { kind: 'fault', cause: 'too-long' }
}

/** Only what the operating system said is an answer; anything else is a bug. */
function faultOf(error: unknown): GuardedFileFault {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'fault', cause: 'missing' }
    case 'EACCES':
    case 'EPERM':
      return { kind: 'fault', cause: 'denied' }
    case 'ELOOP':
      return { kind: 'fault', cause: 'link' }
    default:
      return { kind: 'fault', cause: 'system', code: String(error.code) }
  }
}
