import { answerBefore } from '../file/deadline.ts'
import { explainGuardedFile, unavailable } from '../file/fault.ts'
import { type GuardedBytes, readGuardedFile } from '../file/guarded-file.ts'
import {
  type MasterKey,
  type MasterKeyAnswer,
  type MasterKeyUnavailable,
  MESSAGE_LENGTH_MAX,
} from '../master-key.ts'
import { exchange } from './exchange.ts'
import { explainNoResponse, explainStatus, type VaultKeyPlace } from './fault.ts'
import { hmacRequest, parseHmac } from './transit.ts'

/** `https://vault.plant.example:8200`, `https://[fd00::8]:8200`. There is no http. */
export const VAULT_ADDRESS_FORM =
  /^https:\/\/(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/
/** Where the transit engine is: `transit`, `plant/transit`. */
export const VAULT_MOUNT_FORM = /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+){0,7}$/
/** A transit key's name (Vault, sdk/framework, GenericNameRegex). */
export const VAULT_KEY_FORM = /^\w(?:[\w.-]{0,126}\w)?$/
/** `plant/north`, with a slash at the end or without. */
export const VAULT_NAMESPACE_FORM = /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+){0,15}\/?$/

const TOKEN_FORM = /^[\x21-\x7e]+$/
const TOKEN_LENGTH_MAX = 4096
const CA_LENGTH_MAX = 1024 * 1024

export interface VaultMasterKeyOptions {
  readonly address: string
  readonly mount: string
  readonly key: string
  /** The version of the transit key, from 1. When the key is rotated in the Vault, this version stays in use until this number is changed. */
  readonly generation: number
  readonly namespace?: string
  /** Absolute paths of the token, mode 0600, and of the authorities' certificates, PEM. Both are read at each use. */
  readonly tokenFile: string
  readonly caFile: string
  /** The user that this process runs as, `process.getuid()`. */
  readonly user: number
}

/**
 * A master key that stays in the transit engine of HashiCorp Vault or OpenBao, which computes the HMAC. Throws RangeError for options
 * that do not have the forms above.
 */
export class VaultMasterKey implements MasterKey {
  readonly generation: number
  readonly description: string
  /** What an engineer should be told at every start. */
  readonly warnings: readonly string[]
  readonly #options: VaultMasterKeyOptions
  readonly #place: VaultKeyPlace

  constructor(options: VaultMasterKeyOptions) {
    const { address, mount, key, generation, namespace } = options
    if (!VAULT_ADDRESS_FORM.test(address) || !URL.canParse(address))
      throw new RangeError('the address of a Vault is https://host:port')
    if (!VAULT_MOUNT_FORM.test(mount)) throw new RangeError('no path of a transit engine')
    if (!VAULT_KEY_FORM.test(key)) throw new RangeError('no name of a transit key')
    if (namespace !== undefined && !VAULT_NAMESPACE_FORM.test(namespace)) throw new RangeError('no namespace')
    if (!Number.isSafeInteger(generation) || generation < 1) throw new RangeError('generations count from 1')
    this.#options = options
    this.#place = { address, mount, key, generation }
    this.generation = generation
    this.description = `vault (${address}, ${mount}/keys/${key}, version ${generation})`
    this.warnings = [
      `the master key is in the Vault at ${address}: while it cannot be reached, no new epoch begins, and an agent that starts anew carries out no command away from safe`,
    ]
  }

  async hmac(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer> {
    if (message.length > MESSAGE_LENGTH_MAX) throw new RangeError(`at most ${MESSAGE_LENGTH_MAX} bytes`)
    return await answerBefore(signal, this.#late(), () => this.#ask(message, signal))
  }

  async #ask(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer> {
    const ca = await this.#readCa()
    if (ca.kind === 'unavailable') return ca
    const token = await this.#readToken()
    if (token.kind === 'unavailable') return token
    const { address, mount, key, namespace } = this.#options
    const answer = await exchange({
      address,
      path: `/v1/${mount}/hmac/${key}/sha2-256`,
      headers: {
        'X-Vault-Token': token.text,
        // A Vault Agent or Proxy may insist on it (HTTP API, "The X-Vault-Request Header").
        'X-Vault-Request': 'true',
        ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace }),
      },
      body: hmacRequest(message, this.generation),
      ca: ca.bytes,
      signal,
    })
    switch (answer.kind) {
      case 'aborted':
        return this.#late()
      case 'no-response':
        return explainNoResponse(answer.code, this.#place)
      case 'too-long':
        return this.#malformed()
      case 'response':
        if (answer.status !== 200) return explainStatus(answer.status, answer.body, token.text, this.#place)
        return this.#macOf(answer.body)
    }
  }

  #macOf(body: Buffer): MasterKeyAnswer {
    const parsed = parseHmac(body, this.generation)
    body.fill(0)
    switch (parsed.kind) {
      case 'hmac':
        return { kind: 'mac', mac: parsed.mac }
      case 'other-version':
        return unavailable(
          'failed',
          `the Vault answered with version ${parsed.version} of the key, and not with ${this.generation}`,
          'Check what is between the agent and the Vault.',
        )
      case 'malformed':
        return this.#malformed()
    }
  }

  async #readCa(): Promise<GuardedBytes | MasterKeyUnavailable> {
    const { caFile: path, user } = this.#options
    const read = await readGuardedFile(path, { user, modeMax: 0o755, lengthMax: CA_LENGTH_MAX })
    if (read.kind === 'bytes') return read
    return explainGuardedFile(read, {
      what: `the authorities' certificates ${path}`,
      whenMissing: "Put the certificate of the authority that issued the Vault's there, as PEM.",
      whenDenied: 'Let the agent read it: mode 0644.',
      whenExposed: 'Give it to root, with mode 0644.',
    })
  }

  /** A token becomes a string because Node sends nothing else, and a string cannot be wiped: let it live for minutes, not for months. */
  async #readToken(): Promise<{ kind: 'token'; text: string } | MasterKeyUnavailable> {
    const { tokenFile: path, user } = this.#options
    const words = {
      what: `the Vault token ${path}`,
      whenMissing: 'Start the Vault Agent (or Proxy) whose sink it is, or write a token into it.',
      whenDenied: 'Run the Vault Agent as the same user as holdfast, with mode = 0600 in its sink.',
      whenExposed: 'Run the Vault Agent as the same user as holdfast, with mode = 0600 in its sink.',
    }
    const read = await readGuardedFile(path, { user, modeMax: 0o600, lengthMax: TOKEN_LENGTH_MAX })
    if (read.kind === 'fault') return explainGuardedFile(read, words)
    using file = read
    const text = Buffer.from(file.bytes)
      .toString('latin1')
      .replace(/\r?\n$/, '')
    if (TOKEN_FORM.test(text)) return { kind: 'token', text }
    return unavailable('failed', `${words.what} is empty or not one line of text`, words.whenMissing)
  }

  #late(): MasterKeyUnavailable {
    return unavailable(
      'timeout',
      `the Vault at ${this.#place.address} did not answer before the deadline`,
      'If this keeps happening, check the network, or raise master_key.timeout.',
    )
  }

  #malformed(): MasterKeyUnavailable {
    return unavailable(
      'failed',
      `what answers at ${this.#place.address} did not answer like a transit engine`,
      'Check the address, the mount, and that the key is of type hmac.',
    )
  }
}
