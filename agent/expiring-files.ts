import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AlarmAbout } from '../model/alarm.ts'
import type { Clock, UnixMs } from '../model/time.ts'
import type { Finding } from './alarms/measures.ts'
import { gradeBelow, type Threshold } from './alarms/threshold.ts'
import type { Config } from './config/config.ts'

/** A file with certificates that something stands or falls with. */
interface CertificateFile {
  readonly path: string
  /** Which it is, before its path, where that does not say enough. */
  readonly name: string
  /** Whether it has authorities, of which each counts, or begins with the one that is shown. */
  readonly holds: 'authorities' | 'own'
}

/**
 * The certificates in files that expire soon: of each TLS listener the one that it shows, and of the connection to the syslog receiver
 * ours and its authority's, as one finding each, as loud as the first of them. What is in a file now is what is taken up.
 */
export async function expiringFiles(
  { listeners, alarms, audit }: Pick<Config, 'listeners' | 'alarms' | 'audit'>,
  clock: Pick<Clock, 'wall'>,
): Promise<readonly Finding[]> {
  const watched: [files: CertificateFile[], about: AlarmAbout][] = listeners.flatMap(listener =>
    listener.kind === 'tls'
      ? [[[{ path: listener.files.certificate, name: '', holds: 'own' }], { listener: listener.name }]]
      : [],
  )
  const { syslog } = audit
  if (syslog !== undefined) {
    const files: CertificateFile[] = [
      { path: syslog.ca, name: 'the authority of the syslog receiver, ', holds: 'authorities' },
    ]
    if (syslog.certificate !== undefined)
      files.push({ path: syslog.certificate, name: 'what the syslog receiver is shown, ', holds: 'own' })
    watched.push([files, {}])
  }
  const limits = alarms.certificateExpires
  const found = await Promise.all(
    watched.map(async ([files, about]): Promise<Finding | undefined> => {
      const worries = (await Promise.all(files.map(file => worriesOf(file, limits, clock)))).flat()
      const severity = worries.some(worry => worry.severity === 'critical') ? 'critical' : 'warning'
      const detail = worries.map(worry => worry.detail).join('; ')
      return worries.length === 0 ? undefined : { severity, detail, about }
    }),
  )
  return found.filter(finding => finding !== undefined)
}

async function worriesOf(
  { path, name, holds }: CertificateFile,
  limits: Threshold,
  clock: Pick<Clock, 'wall'>,
): Promise<Finding[]> {
  const expiries = await expiriesIn(path, holds)
  if (expiries instanceof Error)
    return [{ severity: 'warning', detail: `${name}${path} cannot be read: ${expiries.message}` }]
  return expiries.flatMap(({ subject, expires }) => {
    const left = expires - clock.wall()
    const severity = gradeBelow(left, limits)
    const which = expiries.length === 1 ? `${name}${path}` : `${name}${subject} in ${path}`
    const when = new Date(expires).toISOString()
    const detail = `${which} ${left > 0 ? 'expires' : 'has expired'} at ${when}`
    return severity === undefined ? [] : [{ severity, detail }]
  })
}

/** When the certificates in a file expire. An authority that is there again with a later end counts by that alone. */
async function expiriesIn(
  path: string,
  holds: CertificateFile['holds'],
): Promise<{ readonly subject: string; readonly expires: UnixMs }[] | Error> {
  try {
    const text = await readFile(path)
    if (holds === 'own') return [expiryOf(text)]
    const each = text.toString().match(PEM)?.map(expiryOf) ?? [expiryOf(text)]
    const latest = new Map(
      each.toSorted((a, b) => a.expires - b.expires).map(found => [found.subject, found]),
    )
    return [...latest.values()]
  } catch (error) {
    return error as Error
  }
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function expiryOf(text: string | Buffer): { readonly subject: string; readonly expires: UnixMs } {
  const { subject, validToDate } = new X509Certificate(text)
  return { subject: subject.replaceAll('\n', ', '), expires: validToDate.getTime() }
}
