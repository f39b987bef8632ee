import { plain } from '../../model/plain.ts'
import { wrap } from '../../model/wrap.ts'
import type { Finding } from './finding.ts'

/** A finding and the check that it is of. */
export interface Reported {
  readonly check: string
  readonly finding: Finding
}

const WIDTH = 80
const LEVEL_WIDTH = 11
const NAME_WIDTH = 14
const MARKS = {
  ok: 'ok',
  warning: 'warning',
  error: 'ERROR',
  'not-checked': 'not checked',
} as const satisfies Record<Finding['level'], string>

/** The findings as a table of 80 columns, under each that is not good what to do about it. Ends with a line feed. */
export function formatReport(reported: readonly Reported[]): string {
  const margin = ' '.repeat(LEVEL_WIDTH + NAME_WIDTH + 2)
  const lines = reported.flatMap(({ check, finding }) => {
    const head = `${MARKS[finding.level].padEnd(LEVEL_WIDTH)} ${check.padEnd(NAME_WIDTH)} `
    const [first = '', ...rest] = wrap(plain(finding.text), WIDTH - margin.length)
    const remedy =
      'remedy' in finding && finding.remedy ? wrap(`→ ${plain(finding.remedy)}`, WIDTH - margin.length) : []
    return [`${head}${first}`.trimEnd(), ...[...rest, ...remedy].map(line => `${margin}${line}`)]
  })
  return `${[...lines, '', summaryOf(reported)].join('\n')}\n`
}

/** The findings for a program. Its members are a promise to scripts: none is renamed. */
export function reportJson(reported: readonly Reported[]) {
  return {
    ok: count(reported, 'error') === 0,
    errors: count(reported, 'error'),
    warnings: count(reported, 'warning'),
    not_checked: count(reported, 'not-checked'),
    findings: reported.map(({ check, finding }) => ({
      check,
      level: finding.level,
      text: finding.text,
      remedy: ('remedy' in finding ? finding.remedy : undefined) ?? null,
    })),
  }
}

function summaryOf(reported: readonly Reported[]): string {
  const say = (level: Finding['level'], one: string, many: string) => {
    const number = count(reported, level)
    return `${number} ${number === 1 ? one : many}`
  }
  return `${say('error', 'error', 'errors')}, ${say('warning', 'warning', 'warnings')}, ${say('ok', 'good', 'good')}, ${say('not-checked', 'not checked', 'not checked')}. Nothing was changed.`
}

function count(reported: readonly Reported[], level: Finding['level']): number {
  return reported.filter(({ finding }) => finding.level === level).length
}
