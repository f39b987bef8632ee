import { isAbsolute } from 'node:path'
import type { MasterKey, MasterKeyAnswer } from '../master-key.ts'
import { type KeyFile, macWithKeyFile } from './key-file.ts'

export interface FileMasterKeyOptions {
  /** Absolute. The file holds 64 hexadecimal digits and at most one line feed (key-text.ts). */
  readonly path: string
  /** Which generation the key in the file is, from 1. Another key has another number. */
  readonly generation: number
  /** The user that this process runs as, `process.getuid()`. */
  readonly user: number
}

/**
 * A master key in a file that belongs to the agent or to root and that nobody else may read. For sites without a TPM, and the weakest
 * source of all: whoever copies the disk has the key. Throws RangeError for a path that is not absolute or a generation that is none.
 */
export class FileMasterKey implements MasterKey {
  readonly generation: number
  readonly description: string
  /** What an engineer should be told at every start. */
  readonly warnings: readonly string[]
  readonly #file: KeyFile

  constructor({ path, generation, user }: FileMasterKeyOptions) {
    if (!isAbsolute(path)) throw new RangeError('the path of the key file is absolute')
    if (!Number.isSafeInteger(generation) || generation < 1) throw new RangeError('generations count from 1')
    this.generation = generation
    this.description = `file (${path})`
    this.warnings = [
      `the master key lies unencrypted on the disk, in ${path}: whoever can copy this disk or a backup of it can issue credentials. ` +
        'Where the host has a TPM, use it; otherwise a systemd credential or a Vault is better.',
    ]
    const protect = `Give it to the user that the agent runs as, with mode 0600: chown ${user} ${path}; chmod 0600 ${path}.`
    this.#file = {
      path,
      user,
      modeMax: 0o600,
      what: `the key file ${path}`,
      whenMissing: `Restore it from a backup, or make a new key: openssl rand -hex 32 | install -m 0600 -o ${user} /dev/stdin ${path}.`,
      whenDenied: protect,
      whenExposed: protect,
      whenDamaged: 'Restore it from a backup: it is made by openssl rand -hex 32.',
    }
  }

  async hmac(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer> {
    return await macWithKeyFile(this.#file, message, signal)
  }
}
