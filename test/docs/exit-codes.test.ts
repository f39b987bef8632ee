import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { EXIT, EXIT_MEANINGS, type ExitName } from '../../model/exit.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PAGE = join(ROOT, 'docs', 'EXIT_CODES.md')
const CODES = /(?<=<!-- codes -->\n\n)[\s\S]*?(?=\n<!-- end of the codes -->)/

function table(): string {
  const rows = Object.entries(EXIT).map(
    ([name, code]) => `| ${code} | ${EXIT_MEANINGS[name as ExitName]} |\n`,
  )
  return `| exit code | what it says |\n| --- | --- |\n${rows.join('')}`
}

test('the table of exit codes on the page is the one in the model, and no code stands for two things', () => {
  const page = readFileSync(PAGE, 'utf8')
  // HOLDFAST_WRITE_DOCS=1 writes the page anew.
  if (process.env.HOLDFAST_WRITE_DOCS)
    writeFileSync(
      PAGE,
      page.replace(CODES, () => table()),
    )
  assert.equal(CODES.exec(readFileSync(PAGE, 'utf8'))?.[0], table())
  assert.equal(new Set(Object.values(EXIT)).size, Object.keys(EXIT).length)
})

test('the manual page has every exit code, and the runbook every one that keeps the agent from starting', () => {
  const manual = readFileSync(join(ROOT, 'deploy/debian/holdfast.1'), 'utf8')
  const statuses = manual.slice(manual.indexOf('.SH EXIT STATUS')).split('\n.SH ')[0] ?? ''
  const inManual = [...statuses.matchAll(/^\.TP\n\.B (\d+)$/gm)].map(([, code]) => Number(code))
  assert.deepEqual(inManual, Object.values(EXIT))
  const runbook = readFileSync(join(ROOT, 'docs/runbooks/install.md'), 'utf8')
  const section = runbook.split('### What keeps it from starting')[1]?.split('\n#')[0] ?? ''
  const inRunbook = [...section.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
  assert.deepEqual(inRunbook, [
    ...[EXIT.bug, EXIT.usage],
    ...Object.values(EXIT).filter(code => code >= EXIT.blocked),
  ])
})

test('no program of ours has an exit code as a number of its own', () => {
  const sources = globSync('{agent,console,simulator,bin}/**/*.ts', { cwd: ROOT })
  const programs = sources.filter(
    path => /main\.ts$/.test(path) || /^(bin|console|agent\/host)\/[^/]*\.ts$/.test(path),
  )
  assert.ok(programs.length > 40)
  const NUMBER =
    /process\.exit(?:Code = |\()\d|(?:Promise<number>|ExitCode>).*\b(?:return|:) \d+$|fail\(.*, \d+\)/m
  const found = programs.filter(path => {
    const text = readFileSync(join(ROOT, path), 'utf8')
    return NUMBER.test(text) || (/main\.ts$/.test(path) && /^\s*return \d+$/m.test(text))
  })
  assert.deepEqual(found, [])
})
