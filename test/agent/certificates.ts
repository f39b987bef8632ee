import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { ClientTls } from '../../client/agent-client.ts'

/** How a certificate differs from one of two days that says nothing but its names. */
export interface Issued {
  /** From now on; 2 unless given. */
  readonly days?: number
  /** Instead: from when until when. */
  readonly valid?: readonly [from: Date, until: Date]
  /** Lines of OpenSSL's extension file. */
  readonly extensions?: readonly string[]
}

/** A certificate authority of a test's own, made by OpenSSL. */
export class Authority {
  readonly #folder: string
  readonly #name: string

  constructor(folder: string, name: string) {
    this.#folder = folder
    this.#name = name
  }

  static async make(folder: string, name: string, days = 2): Promise<Authority> {
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
      String(days),
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
  async issue(
    name: string,
    names: string,
    { days = 2, valid, extensions = [] }: Issued = {},
  ): Promise<{ certificate: string; key: string }> {
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
    await writeFile(
      join(this.#folder, `${name}.ext`),
      [`subjectAltName=${names}`, ...extensions, ''].join('\n'),
    )
    if (valid) {
      await this.#sign(name, valid)
      return files
    }
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
      String(days),
      '-extfile',
      `${name}.ext`,
      '-out',
      files.certificate,
    )
    return files
  }

  /** Signs a request from one moment until another: `openssl x509` knows days from now on only. */
  async #sign(name: string, [from, until]: readonly [from: Date, until: Date]): Promise<void> {
    await writeFile(join(this.#folder, `${name}.index`), '')
    const config = `[ca]
default_ca=plant
[plant]
database=${name}.index
new_certs_dir=.
rand_serial=yes
default_md=sha256
policy=any
[any]
commonName=supplied
`
    await writeFile(join(this.#folder, `${name}.cnf`), config)
    const moment = (at: Date) => at.toISOString().replace(/[-:T]|\.\d+/g, '')
    await this.#openssl(
      ...['ca', '-batch', '-notext', '-config', `${name}.cnf`, '-extfile', `${name}.ext`],
      ...['-cert', `${this.#name}.pem`, '-keyfile', `${this.#name}.key`, '-in', `${name}.csr`],
      ...['-startdate', moment(from), '-enddate', moment(until), '-out', `${name}.pem`],
    )
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
