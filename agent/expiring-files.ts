import type { AlarmAbout } from '../model/alarm.ts'
import type { Clock } from '../model/time.ts'
import type { Finding } from './alarms/measures.ts'
import { type CertificateFile, findingOf, worriesIn } from './certificate-expiry.ts'
import type { Config } from './config/config.ts'

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
  const due = { limits: alarms.certificateExpires, clock }
  const found = await Promise.all(
    watched.map(async ([files, about]) => {
      const worries = await Promise.all(files.map(file => worriesIn(file, due)))
      return findingOf(worries.flat(), about)
    }),
  )
  return found.flat()
}
