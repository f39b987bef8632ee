import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AlarmAbout } from '../model/alarm.ts'
import type { Severity } from '../model/alarm-form.ts'
import type { Clock, UnixMs } from '../model/time.ts'
import type { Finding } from './alarms/measures.ts'
import { gradeBelow, type Threshold } from './alarms/threshold.ts'
import { certificatesIn, latestOfEach, subjectOf } from './pem.ts'

/** A file with certificates that something stands or falls with. */
export interface CertificateFile {
  readonly path: string
  /** Which it is, before its path, where that does not say enough. */
  readonly name: string
  /** Whether it has authorities, of which each counts, or begins with the one that is shown. */
  readonly holds: 'authorities' | 'own'
}

/** A certificate that ends soon or has ended, or a file in which none can be read. */
export interface Worry {
  readonly severity: Severity
  readonly detail: string
  /** Undefined where it cannot be known. */
  readonly ends: UnixMs | undefined
}

/** When a certificate has to be renewed, by which clock. */
export interface Due {
  readonly limits: Threshold
  readonly clock: Pick<Clock, 'wall'>
}

/** What is to worry about in a file, as it is now: that is what is taken up next. */
export async function worriesIn({ path, name, holds }: CertificateFile, due: Due): Promise<Worry[]> {
  let certificates: readonly X509Certificate[]
  try {
    const content = await readFile(path)
    const authorities = holds === 'authorities' ? latestOfEach(certificatesIn(content.toString())) : []
    certificates = authorities.length > 0 ? authorities : [new X509Certificate(content)]
  } catch (error) {
    const detail = `${name}${path} cannot be read: ${(error as Error).message}`
    return [{ severity: 'warning', detail, ends: undefined }]
  }
  return certificates.flatMap(certificate =>
    worriesAbout(
      certificate,
      certificates.length === 1 ? `${name}${path}` : `${name}${subjectOf(certificate)} in ${path}`,
      due,
    ),
  )
}

/** What is to worry about in one certificate, which is called `which`: that it ends soon, or has ended, or nothing. */
export function worriesAbout(
  { validToDate }: X509Certificate,
  which: string,
  { limits, clock }: Due,
): Worry[] {
  const ends = validToDate.getTime()
  const left = ends - clock.wall()
  const severity = gradeBelow(left, limits)
  const detail = `${which} ${left > 0 ? 'expires' : 'has expired'} at ${validToDate.toISOString()}`
  return severity === undefined ? [] : [{ severity, detail, ends }]
}

/** One finding of all worries about one thing, as loud as the loudest of them and with the first to end first; none where there is no worry. */
export function findingOf(worries: readonly Worry[], about: AlarmAbout): Finding[] {
  if (worries.length === 0) return []
  const severity = worries.some(worry => worry.severity === 'critical') ? 'critical' : 'warning'
  const inOrder = worries.toSorted((a, b) => (a.ends ?? 0) - (b.ends ?? 0))
  return [{ severity, detail: inOrder.map(({ detail }) => detail).join('; '), about }]
}
