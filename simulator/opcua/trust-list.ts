import { X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { UnixMs } from '../../model/time.ts'

/** How a certificate was judged, by the name of its status code. */
export type Judged =
  | 'Good'
  | 'BadCertificateUntrusted'
  | 'BadCertificateTimeInvalid'
  | 'BadCertificateInvalid'

/** Most certificates that are kept of those nobody trusts: whoever can connect can show any number of them. */
const REJECTED_MAX = 100

/**
 * The certificates of clients, or of users, that somebody has approved: the files in a folder. One that is not there is
 * put into the folder of the rejected, from where a person moves it (OPC 10000-2 §6.1: no automatic trust).
 */
export class TrustList {
  readonly #trusted: string | undefined
  readonly #rejected: string | undefined
  readonly #trustsEverybody: boolean
  readonly #now: () => UnixMs

  /** Without a folder nobody is trusted, unless everybody is. */
  constructor(
    folder: string | undefined,
    of: 'clients' | 'users',
    trustsEverybody: boolean,
    now: () => UnixMs,
  ) {
    this.#trusted = folder && join(folder, of, 'trusted')
    this.#rejected = folder && join(folder, of, 'rejected')
    this.#trustsEverybody = trustsEverybody
    this.#now = now
  }

  /** Makes the folders. Rejects with the system's error. */
  async open(): Promise<void> {
    for (const folder of [this.#trusted, this.#rejected]) if (folder) await mkdir(folder, { recursive: true })
  }

  async judge(der: Buffer): Promise<Judged> {
    let certificate: X509Certificate
    try {
      certificate = new X509Certificate(der)
    } catch {
      return 'BadCertificateInvalid'
    }
    if (!this.#trustsEverybody && !(await this.#isTrusted(certificate))) {
      await this.#keep(certificate)
      return 'BadCertificateUntrusted'
    }
    const now = this.#now()
    const isInTime = certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime()
    return isInTime ? 'Good' : 'BadCertificateTimeInvalid'
  }

  async #isTrusted(certificate: X509Certificate): Promise<boolean> {
    if (this.#trusted === undefined) return false
    for (const name of await readdir(this.#trusted)) {
      try {
        const known = new X509Certificate(await readFile(join(this.#trusted, name)))
        if (known.raw.equals(certificate.raw)) return true
      } catch {
        // Something else lies there.
      }
    }
    return false
  }

  /** A folder that cannot be written is no reason to trust anybody, nor to stop. */
  async #keep(certificate: X509Certificate): Promise<void> {
    if (this.#rejected === undefined) return
    const name = `${certificate.fingerprint256.replaceAll(':', '').toLowerCase()}.pem`
    const kept: readonly string[] = await readdir(this.#rejected).catch(() => [])
    if (kept.length >= REJECTED_MAX || kept.includes(name)) return
    await writeFile(join(this.#rejected, name), certificate.toString()).catch(() => {})
  }
}
