import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REFUSAL_CODES, Refusal, type RefusalCode } from '../model/refusal.ts'

/** A refusal, and the tests of the agent that expect it. */
export interface Shown {
  readonly code: RefusalCode
  /** As `agent/bad-input.test.ts: a replayed command is refused`. */
  readonly by: readonly string[]
}

const TEST = /^ *(?:test|it)\(['"`](.*)['"`],/
const END = /^(?:\}\)|\})/
/** The first text of a row of a table, which says what is done. */
const ROW = /^ *\[?'([^']+)',/

/** Which tests of the agent name which refusal in what they expect. */
export function refusalsShown(): Shown[] {
  const files = globSync('agent/{api/,command/,credential/**/,}*.test.ts', {
    cwd: import.meta.dirname,
  }).toSorted()
  const texts = files.map(file => [file, readFileSync(join(import.meta.dirname, file), 'utf8')] as const)
  return REFUSAL_CODES.map(code => ({
    code,
    by: [
      ...new Set(texts.flatMap(([file, text]) => testsNaming(code, text).map(name => `${file}: ${name}`))),
    ],
  }))
}

/** The table of every refusal with the tests that show it, in Markdown. */
export function formatRefusals(shown: readonly Shown[]): string {
  const rows = shown.map(({ code, by }) => {
    const { title, suspicion } = new Refusal(code, '')
    return `| \`${code}\` | ${title} | ${suspicion} | ${by.map(name => name.replaceAll('|', '\\|')).join('<br>')} |`
  })
  return ['| code | title | says | shown by |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

/** The names of the tests in a file that name a code; of a table, the test that comes after it. */
function testsNaming(code: RefusalCode, text: string): string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, at) => {
    if (!line.includes(`'${code}'`)) return []
    for (let above = at; above >= 0; above -= 1) {
      const [, name] = TEST.exec(lines[above] ?? '') ?? []
      if (name !== undefined) return [name]
      if (END.test(lines[above] ?? '')) break
    }
    const name = lines.slice(at).flatMap(below => TEST.exec(below)?.[1] ?? [])[0]
    return name === undefined ? [] : [filled(name, code, rowOf(lines, at, code))]
  })
}

/** The name of a table's test as it is for one row. */
function filled(name: string, code: RefusalCode, what: string): string {
  const values: Readonly<Record<string, string>> = {
    code,
    what,
    status: String(new Refusal(code, '').status),
  }
  return name.replaceAll(/\$\{(\w+)\}/g, (placeholder, variable: string) => values[variable] ?? placeholder)
}

/** What the row of a table says is done, in which line `at` names a code. */
function rowOf(lines: readonly string[], at: number, code: string): string {
  const above = lines.slice(Math.max(0, at - 6), at + 1).toReversed()
  return above.flatMap(line => ROW.exec(line)?.[1] ?? []).find(text => text !== code) ?? '…'
}
