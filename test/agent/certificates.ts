import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { ClientTls } from '../../client/agent-client.ts'

/** A certificate authority of a test's own, made by OpenSSL. */
export class Authority {
  readonly #folder: string
  readonly #name: string

  constructor(folder: string, name: string) {
    this.#folder = folder
    this.#name = name
  }

  static async make(folder: string, name: string): Promise<Authority> {
    const authority = new Authority(folder, name)
    await authority.#openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    )
    return authority
  }

  get path(): string {
    return join(this.#folder, `${this.#name}.pem`)
  }

  /** Issues a certificate with subject alternative names, as `IP:127.0.0.1` or `URI:spiffe://…`; returns its files. */
  async issue(name: string, names: string): Promise<{ certificate: string; key: string }> {
    const files = { certificate: join(this.#folder, `${name}.pem`), key: join(this.#folder, `${name}.key`) }
    await this.#openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      files.key,
      '-out',
      `${name}.csr`,
    )
    await writeFile(join(this.#folder, `${name}.ext`), `subjectAltName=${names}\n`)
    await this.#openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${this.#name}.pem`,
      '-CAkey',
      `${this.#name}.key`,
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      files.certificate,
    )
    return files
  }

  /** What a client with such a certificate shows, trusting this authority or another. */
  async client(name: string, names: string, trusted: Authority = this): Promise<ClientTls> {
    const { certificate, key } = await this.issue(name, names)
    return {
      certificate: await readFile(certificate, 'utf8'),
      key: await readFile(key, 'utf8'),
      ca: await readFile(trusted.path, 'utf8'),
    }
  }

  async #openssl(...words: string[]): Promise<void> {
    await execa('openssl', words, { cwd: this.#folder, stdin: 'ignore' })
  }
}
