import type { Finding } from './findings.ts'

const MARKS = { good: 'good   ', notice: 'notice ', trouble: 'TROUBLE' } as const satisfies Record<
  Finding['level'],
  string
>

/** The findings as lines for a terminal; under each that is not good, what to do. Ends with a line feed. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings
    .map(finding => {
      const line = `${MARKS[finding.level]}  ${finding.text}\n`
      return finding.level === 'good' ? line : `${line}${' '.repeat(9)}${finding.remedy}\n`
    })
    .join('')
}
