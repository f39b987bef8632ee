import { createPrivateKey, generateKeyPair, type KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Millis, UnixMs } from '../../model/time.ts'
import type { WrongCertificate } from '../fault.ts'
import { loadPackages } from './packages.ts'

/** The certificate of an application and its key. */
export interface Certificate {
  readonly der: Buffer
  readonly key: KeyObject
}

/** Whose certificate: its URI, and the address that it serves. */
export interface Owner {
  readonly applicationUri: string
  readonly host: string
}

const DAY: Millis = 86_400_000
/** From when until when a certificate is valid that is made now. */
const VALID: Readonly<Record<'own' | WrongCertificate, readonly [Millis, Millis]>> = {
  own: [-DAY, 3650 * DAY],
  replaced: [-DAY, 3650 * DAY],
  expired: [-30 * DAY, -DAY],
  'not-yet-valid': [30 * DAY, 3650 * DAY],
}

/**
 * The certificates that a server shows: its own, and those of the fault `wrong-certificate`. Each is made when it is
 * wanted first, and kept in the folder if there is one: `own.pem`, `own.key`, `expired.pem` and so on.
 */
export class Certificates {
  readonly #folder: string | undefined
  readonly #owner: Owner
  readonly #now: () => UnixMs
  readonly #made = new Map<string, Promise<Certificate>>()

  /** `now` is the time that clients live in: they judge a certificate by it, whatever the plant's clock says. */
  constructor(folder: string | undefined, owner: Owner, now: () => UnixMs) {
    this.#folder = folder
    this.#owner = owner
    this.#now = now
  }

  /** Rejects with the system's error when the folder cannot be read or written. */
  get(which: 'own' | WrongCertificate): Promise<Certificate> {
    const made = this.#made.get(which) ?? this.#readOrMake(which)
    this.#made.set(which, made)
    return made
  }

  async #readOrMake(which: 'own' | WrongCertificate): Promise<Certificate> {
    if (this.#folder === undefined) return this.#make(which)
    const paths = [join(this.#folder, `${which}.pem`), join(this.#folder, `${which}.key`)] as const
    try {
      const [certificate, key] = await Promise.all(paths.map(path => readFile(path)))
      if (certificate && key) return { der: new X509Certificate(certificate).raw, key: createPrivateKey(key) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    const made = await this.#make(which)
    await mkdir(this.#folder, { recursive: true })
    await writeFile(paths[1], made.key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    await writeFile(paths[0], new X509Certificate(made.der).toString(), { mode: 0o644 })
    return made
  }

  async #make(which: 'own' | WrongCertificate): Promise<Certificate> {
    const { crypto } = await loadPackages()
    const { applicationUri, host } = this.#owner
    const isRenewed = which === 'expired' || which === 'not-yet-valid'
    const key = isRenewed
      ? (await this.get('own')).key
      : (await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })).privateKey
    const privateKey = await webcrypto.subtle.importKey(
      'pkcs8',
      key.export({ type: 'pkcs8', format: 'der' }),
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      true,
      ['sign'],
    )
    const [from, to] = VALID[which]
    const isAddress = /^[0-9.]+$/.test(host)
    const { cert } = await crypto.createSelfSignedCertificate({
      privateKey,
      subject: `/CN=${applicationUri.slice(applicationUri.lastIndexOf(':') + 1)}/O=holdfast simulator`,
      notBefore: new Date(this.#now() + from),
      notAfter: new Date(this.#now() + to),
      dns: [...new Set(['localhost', hostname(), ...(isAddress ? [] : [host])])],
      ip: isAddress ? [...new Set(['127.0.0.1', host])] : ['127.0.0.1'],
      applicationUri,
      purpose: crypto.CertificatePurpose.ForApplication,
    })
    return { der: new X509Certificate(cert).raw, key }
  }
}
