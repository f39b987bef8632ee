import { X509Certificate } from 'node:crypto'

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The certificates in a PEM text, in its order; none where there is none. Throws for one that is damaged. */
export function certificatesIn(text: string): X509Certificate[] {
  return (text.match(PEM) ?? []).map(block => new X509Certificate(block))
}

/** Of authorities in one file those that count: one that is there again with a later end counts by that alone. */
export function latestOfEach(authorities: readonly X509Certificate[]): X509Certificate[] {
  const byEnd = authorities.toSorted((a, b) => a.validToDate.getTime() - b.validToDate.getTime())
  return [...new Map(byEnd.map(authority => [authority.subject, authority])).values()]
}

/** Whose a certificate is, in one line. */
export function subjectOf({ subject }: X509Certificate): string {
  return subject.replaceAll('\n', ', ')
}
