import { isAbsolute } from 'node:path'
import type { Entropy } from '../../../model/time.ts'
import { hmacSha256 } from '../chain.ts'
import { type EnvelopeContext, EnvelopeKey } from '../envelope.ts'
import { readEnvelopeFile, writeEnvelopeFile } from '../envelope-file.ts'
import {
  type MasterKey,
  type MasterKeyAnswer,
  type MasterKeyUnavailable,
  MESSAGE_LENGTH_MAX,
} from '../master-key.ts'
import { answerBefore } from './deadline.ts'
import { explainGuardedFile, unavailable } from './fault.ts'

const KEY_BYTES = 32

export interface SealedFileOptions {
  /** Absolute. */
  readonly path: string
  /** Which generation the key in the file is, from 1. */
  readonly generation: number
  readonly user: number
  readonly environment: string
  readonly gateway: string
  /** The key that the file is sealed under: systemd's, which is encrypted with the host's TPM or key. Its generation is the envelope's. */
  readonly under: MasterKey
}

/**
 * A master key in a file that is worth nothing on another host: AES-256-GCM under a key that systemd decrypts for this service. Whoever copies
 * the disk has an envelope. Throws RangeError for a path that is not absolute.
 */
export class SealedFileMasterKey implements MasterKey {
  readonly generation: number
  readonly description: string
  readonly warnings: readonly string[] = []
  readonly #options: SealedFileOptions

  constructor(options: SealedFileOptions) {
    if (!isAbsolute(options.path)) throw new RangeError('the path of the key file is absolute')
    this.#options = options
    this.generation = options.generation
    this.description = `file (${options.path}), sealed under ${options.under.description}`
  }

  async hmac(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer> {
    if (message.length > MESSAGE_LENGTH_MAX) throw new RangeError(`at most ${MESSAGE_LENGTH_MAX} bytes`)
    const late = unavailable(
      'timeout',
      `the sealed key file ${this.#options.path} could not be read before the deadline`,
      'If this keeps happening, check the disk that the file is on.',
    )
    return await answerBefore(signal, late, () => this.#openAndUse(message, signal))
  }

  async #openAndUse(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer> {
    const { path, user } = this.#options
    const kek = await keyEncryptingKey(this.#options, signal)
    if (kek.kind === 'unavailable') return kek
    using key = kek
    const opened = await readEnvelopeFile(path, key, user)
    switch (opened.kind) {
      case 'opened':
        try {
          return { kind: 'mac', mac: hmacSha256(opened.secret, message) }
        } finally {
          opened.secret.fill(0)
        }
      case 'refused':
        return unavailable(
          'failed',
          `the sealed key file ${path} does not open (${opened.reason})`,
          `Restore it from a backup of this host, together with the credential that it is sealed under.`,
        )
      case 'fault': {
        const protect = `Give it to the user that the agent runs as, with mode 0600: chown ${user} ${path}; chmod 0600 ${path}.`
        return explainGuardedFile(opened, {
          what: `the sealed key file ${path}`,
          whenMissing:
            'Restore it from a backup of this host. A gateway that never had one: holdfast enroll.',
          whenDenied: protect,
          whenExposed: protect,
        })
      }
    }
  }
}

/** Makes a master key and seals it into its file. Returns why the key that seals it cannot be used, where it cannot. */
export async function sealNewMasterKey(
  options: SealedFileOptions,
  entropy: Entropy,
  signal: AbortSignal,
): Promise<MasterKeyUnavailable | undefined> {
  const kek = await keyEncryptingKey(options, signal)
  if (kek.kind === 'unavailable') return kek
  using key = kek
  const secret = Buffer.from(entropy(KEY_BYTES))
  await writeEnvelopeFile(options.path, secret, key, entropy).finally(() => secret.fill(0))
  return undefined
}

async function keyEncryptingKey(
  { under, environment, gateway }: SealedFileOptions,
  signal: AbortSignal,
): Promise<EnvelopeKey | MasterKeyUnavailable> {
  const context: EnvelopeContext = { purpose: 'master-key', environment, gateway }
  return await EnvelopeKey.derive(under, context, signal)
}
