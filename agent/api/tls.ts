import { readFile, stat } from 'node:fs/promises'
import type { Server } from 'node:https'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import { parseCaveat } from '../../model/caveat.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { ClientCertificate } from '../command/received.ts'
import type { TlsFiles } from '../config/config.ts'

const LOOK_EVERY: Millis = 2000

/** Reads a listener's certificate, its key and the authorities whose clients it lets in. Rejects with what is wrong. */
export async function readTls(files: TlsFiles): Promise<SecureContextOptions> {
  const [cert, key, ca] = await Promise.all(
    [files.certificate, files.key, files.clientCa].map(path => readFile(path)),
  )
  return { cert, key, ca, minVersion: 'TLSv1.3' }
}

/**
 * Takes up new certificate files without a restart, until the signal aborts. Connections that are open keep what they
 * began with. Files that do not fit together are reported, and the old ones stay.
 */
export async function watchTls(
  server: Server,
  files: TlsFiles,
  clock: Clock,
  signal: AbortSignal,
  report: (detail: string, taken: boolean) => void,
): Promise<void> {
  let known = await stampOf(files)
  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY, signal)
    const now = await stampOf(files)
    if (signal.aborted || now === known) continue
    known = now
    try {
      server.setSecureContext(await readTls(files))
      report(`new certificate files were taken up from ${files.certificate}`, true)
    } catch (error) {
      report(`new certificate files cannot be used, the old ones stay: ${(error as Error).message}`, false)
    }
  }
}

/** Changes whenever one of the files does. */
async function stampOf(files: TlsFiles): Promise<string> {
  const paths = [files.certificate, files.key, files.clientCa]
  const stamps = paths.map(path =>
    stat(path).then(
      ({ mtimeMs, ino, size }) => `${mtimeMs} ${ino} ${size}`,
      () => 'missing',
    ),
  )
  return (await Promise.all(stamps)).join()
}

/** Who is at the other end of a TLS connection; undefined when it showed no certificate that was found right. */
export function clientOf(socket: TLSSocket): ClientCertificate | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  if (!certificate) return undefined
  return {
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    spiffe: spiffeIn(certificate.subjectAltName),
    subject: certificate.subject.replaceAll('\n', ', '),
  }
}

/** The SPIFFE ID of a certificate: its one URI, if it has exactly one and that is one (X509-SVID §2). */
function spiffeIn(subjectAltName: string | undefined): string | undefined {
  // Node puts names with odd characters in quotes; a SPIFFE ID has none, so what is quoted is none.
  const uris = (subjectAltName ?? '')
    .split(', ')
    .flatMap(name => (name.startsWith('URI:') ? [name.slice(4)] : []))
  const [uri] = uris
  return uris.length === 1 && uri !== undefined && parseCaveat(`spiffe=${uri}`) ? uri : undefined
}
