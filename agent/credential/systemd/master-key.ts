import { join } from 'node:path'
import { unavailable } from '../file/fault.ts'
import { type KeyFile, macWithKeyFile } from '../file/key-file.ts'
import { type MasterKey, type MasterKeyAnswer, MESSAGE_LENGTH_MAX } from '../master-key.ts'

/** What a credential may be called here; systemd takes any file name (systemd.exec(5), LoadCredential=). */
export const CREDENTIAL_NAME_FORM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export interface SystemdMasterKeyOptions {
  /** `$CREDENTIALS_DIRECTORY`; undefined when systemd did not set it. */
  readonly directory: string | undefined
  /** The credential's name in the unit: the part of `LoadCredentialEncrypted=` before the colon. */
  readonly name: string
  /** Which generation the key is, from 1. Another key has another number. */
  readonly generation: number
  /** The user that this process runs as, `process.getuid()`. */
  readonly user: number
}

/**
 * A master key that systemd decrypts for this service alone when it starts it, and keeps in memory that is never swapped out
 * (systemd.exec(5), CREDENTIALS). On the disk it is encrypted with the host's key, its TPM, or both. Throws RangeError for a name or a
 * generation that is none.
 */
export class SystemdMasterKey implements MasterKey {
  readonly generation: number
  readonly description: string
  /** What an engineer should be told at every start: nothing. */
  readonly warnings: readonly string[] = []
  readonly #file: KeyFile | undefined
  readonly #setUp: string

  constructor({ directory, name, generation, user }: SystemdMasterKeyOptions) {
    if (!CREDENTIAL_NAME_FORM.test(name)) throw new RangeError('no name of a credential')
    if (!Number.isSafeInteger(generation) || generation < 1) throw new RangeError('generations count from 1')
    this.generation = generation
    this.description = `systemd (${name})`
    const stored = `/etc/credstore.encrypted/${name}`
    const encrypt = `openssl rand -hex 32 | systemd-creds encrypt --name=${name} - ${stored}`
    this.#setUp = `Restore ${stored} from a backup of this host, or make a new key: ${encrypt}. Write LoadCredentialEncrypted=${name}:${stored} into the unit, and restart the service.`
    this.#file = directory === undefined ? undefined : keyFile(directory, name, user, this.#setUp)
  }

  async hmac(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer> {
    if (this.#file) return await macWithKeyFile(this.#file, message, signal)
    if (message.length > MESSAGE_LENGTH_MAX) throw new RangeError(`at most ${MESSAGE_LENGTH_MAX} bytes`)
    return unavailable(
      'absent',
      'systemd gave this process no credentials (CREDENTIALS_DIRECTORY is not set)',
      `Start the agent as a service of systemd 250 or later. ${this.#setUp}`,
    )
  }
}

/**
 * systemd makes the file for the service's user with mode 0400; where the file system has access control lists it belongs to
 * root and a list gives the user access, which shows as 0440 (systemd, src/core/execute.c and credential.c, write_credential).
 */
function keyFile(directory: string, name: string, user: number, setUp: string): KeyFile {
  return {
    path: join(directory, name),
    user,
    modeMax: 0o440,
    what: `the systemd credential ${name}`,
    whenMissing: setUp,
    whenDenied: 'Start the agent through its unit: the credential is for that service alone.',
    whenExposed: 'Start the agent through its unit: systemd makes this file itself, with mode 0400.',
    whenDamaged: `Encrypt a sound key. ${setUp}`,
  }
}
