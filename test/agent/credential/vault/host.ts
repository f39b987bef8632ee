import { createHmac, randomBytes } from 'node:crypto'
import type { MasterKeyAnswer } from '../../../../agent/credential/master-key.ts'
import { VaultMasterKey, type VaultMasterKeyOptions } from '../../../../agent/credential/vault/master-key.ts'
import { ME, TestDirectory } from '../file/directory.ts'
import { Authority } from './certificates.ts'
import { TransitServer } from './transit-server.ts'

/** Shaped like Vault's own service tokens. */
export const TOKEN = `hvs.${randomBytes(24).toString('base64url')}`

/** A gateway with a Vault in reach: its files, an authority, and a server that has the key `holdfast`. */
export class VaultHost implements AsyncDisposable {
  readonly directory: TestDirectory
  readonly authority: Authority
  readonly server: TransitServer
  readonly secret: Uint8Array

  private constructor(
    directory: TestDirectory,
    authority: Authority,
    server: TransitServer,
    secret: Uint8Array,
  ) {
    this.directory = directory
    this.authority = authority
    this.server = server
    this.secret = secret
  }

  static async start(): Promise<VaultHost> {
    const directory = await TestDirectory.create()
    const authority = await Authority.create(directory, 'ca')
    const server = await TransitServer.start(await authority.issue('vault'))
    const secret = randomBytes(32)
    server.keep('holdfast', secret)
    server.tokens.add(TOKEN)
    await directory.write('token', `${TOKEN}\n`)
    return new VaultHost(directory, authority, server, secret)
  }

  options(more: Partial<VaultMasterKeyOptions> = {}): VaultMasterKeyOptions {
    return {
      address: this.server.address,
      mount: 'transit',
      key: 'holdfast',
      generation: 1,
      tokenFile: this.directory.file('token'),
      caFile: this.authority.caFile,
      user: ME,
      ...more,
    }
  }

  open(more: Partial<VaultMasterKeyOptions> = {}): VaultMasterKey {
    return new VaultMasterKey(this.options(more))
  }

  /** Asks for the HMAC of `message`, with other options or none. */
  async ask(more: Partial<VaultMasterKeyOptions> = {}): Promise<MasterKeyAnswer> {
    return await this.open(more).hmac(Buffer.from('message'), AbortSignal.timeout(30_000))
  }

  /** The answer in one word: `mac`, or the reason. */
  async gist(more: Partial<VaultMasterKeyOptions> = {}): Promise<string> {
    const answer = await this.ask(more)
    return answer.kind === 'mac' ? 'mac' : answer.reason
  }

  mac(secret = this.secret): MasterKeyAnswer {
    return { kind: 'mac', mac: createHmac('sha256', secret).update('message').digest() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
    await this.directory[Symbol.asyncDispose]()
  }
}
