import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { UnixMs } from '../../model/time.ts'

/**
 * The servers that somebody has looked at and trusted: a folder with a certificate each, named by its SHA-256 fingerprint.
 * Nothing gets in by itself (OPC 10000-2 §6.1: no automatic trust).
 */
export class TrustedServers {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Why a server with this certificate is not talked to; undefined when it is. */
  async objection(der: Buffer, now: UnixMs): Promise<string | undefined> {
    const certificate = new X509Certificate(der)
    if (!(await this.knows(der)))
      return `the server's certificate is not trusted: ${describeCertificate(certificate)}; compare it with the server's own, then holdfast device trust`
    if (now > certificate.validToDate.getTime())
      return `the server's certificate ended on ${certificate.validToDate.toISOString()}`
    if (now < certificate.validFromDate.getTime())
      return `the server's certificate begins on ${certificate.validFromDate.toISOString()}: is the clock right?`
    return undefined
  }

  /** Whether somebody has trusted this certificate, ended or not. */
  async knows(der: Buffer): Promise<boolean> {
    const file = await readFile(this.#pathOf(new X509Certificate(der))).catch(() => undefined)
    return file !== undefined && new X509Certificate(file).raw.equals(der)
  }

  /** Trusts a certificate from now on. Returns the file that says so. */
  async trust(der: Buffer): Promise<string> {
    const certificate = new X509Certificate(der)
    const path = this.#pathOf(certificate)
    await mkdir(this.#folder, { recursive: true })
    await writeFile(`${path}.new`, certificate.toString(), { mode: 0o644, flush: true })
    await rename(`${path}.new`, path)
    return path
  }

  #pathOf(certificate: X509Certificate): string {
    return join(this.#folder, `${fingerprintOf(certificate)}.pem`)
  }
}

/** The SHA-256 of a certificate, in lower-case hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

function describeCertificate(certificate: X509Certificate): string {
  return `${certificate.subject.replaceAll('\n', ', ')}, SHA-256 ${fingerprintOf(certificate)}`
}
