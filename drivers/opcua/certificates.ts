import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { UnixMs } from '../../model/time.ts'
import type { OpcUaEndpoint } from './endpoint.ts'

/** A certificate that a connection stands or falls with. */
export interface HeldCertificate {
  /** In words: the server's, our own, or the user's, and which that is. */
  readonly name: string
  readonly expires: UnixMs
}

/**
 * The certificates of a connection: our application's and our user's from their files, as they will be shown next, and the
 * server's as it was shown last and trusted. A file that cannot be read rejects.
 */
export async function certificatesOf(
  { certificate, user }: OpcUaEndpoint,
  server: X509Certificate | undefined,
): Promise<readonly HeldCertificate[]> {
  const held = [await inFile("the gateway's own certificate", certificate)]
  if (user.kind === 'certificate') held.push(await inFile("the user's certificate", user.certificate))
  if (server)
    held.push({
      name: `the server's certificate ${server.subject.replaceAll('\n', ', ')}`,
      expires: server.validToDate.getTime(),
    })
  return held
}

async function inFile(name: string, path: string): Promise<HeldCertificate> {
  const certificate = new X509Certificate(await readFile(path))
  return { name: `${name} ${path}`, expires: certificate.validToDate.getTime() }
}
