import type { Finding } from '../../../agent/doctor/finding.ts'

/** Findings as lines, `error: text`: what a test compares. */
export function lines(findings: readonly Finding[]): string[] {
  return findings.map(({ level, text }) => `${level}: ${text}`)
}

/** The only finding of a kind; throws when there is none or more. */
export function only(findings: readonly Finding[], level: Finding['level']): Finding & { remedy?: string } {
  const [found, ...more] = findings.filter(finding => finding.level === level)
  if (!found || more.length > 0) throw new Error(`expected one ${level}: ${lines(findings).join('; ')}`)
  return found
}
