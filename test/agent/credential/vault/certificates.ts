import { readFile } from 'node:fs/promises'
import { execa } from 'execa'
import type { TestDirectory } from '../file/directory.ts'

/** A certificate and its key, PEM. */
export interface Certified {
  readonly cert: Buffer
  readonly key: Buffer
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate authority made by openssl in a test's directory. */
export class Authority {
  readonly #directory: TestDirectory
  readonly #name: string
  /** Its own certificate, as a client gets it. */
  readonly caFile: string

  private constructor(directory: TestDirectory, name: string) {
    this.#directory = directory
    this.#name = name
    this.caFile = directory.file(`${name}.pem`)
  }

  static async create(directory: TestDirectory, name: string): Promise<Authority> {
    const authority = new Authority(directory, name)
    const files = ['-keyout', directory.file(`${name}.key`), '-out', authority.caFile]
    await execa('openssl', ['req', '-x509', ...NEW_KEY, ...files, '-subj', `/CN=${name}`, '-days', '2'])
    return authority
  }

  /** Issues a server's certificate for the names, good for `days`; -1 is one that ended yesterday. */
  async issue(subject: string, { names = 'IP:127.0.0.1', days = 1 } = {}): Promise<Certified> {
    const file = (end: string) => this.#directory.file(`${this.#name}-${subject}.${end}`)
    const request = ['-keyout', file('key'), '-out', file('csr'), '-subj', `/CN=${subject}`]
    await execa('openssl', ['req', ...NEW_KEY, ...request, '-addext', `subjectAltName=${names}`])
    const signer = ['-CA', this.caFile, '-CAkey', this.#directory.file(`${this.#name}.key`)]
    const issued = [
      '-in',
      file('csr'),
      '-out',
      file('pem'),
      '-days',
      String(days),
      '-copy_extensions',
      'copyall',
    ]
    await execa('openssl', ['x509', '-req', ...signer, '-CAcreateserial', ...issued])
    return { cert: await readFile(file('pem')), key: await readFile(file('key')) }
  }
}
