import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AUDIT_KINDS } from '../../model/audit-kinds.ts'
import { AUDIT_MEMBERS } from '../../model/audit-members.ts'

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'AUDIT_FORMAT.md')
const DICTIONARY = /(?<=<!-- dictionary -->\n\n)[\s\S]*?(?=\n<!-- end of the dictionary -->)/

/** The dictionary of record kinds as Markdown, from the one table that there is. */
function dictionary(): string {
  const list = (names: readonly string[]) => names.map(name => `\`${name}\``).join(', ') || '—'
  const kinds = Object.entries(AUDIT_KINDS).map(
    ([kind, { means, always, sometimes }]) =>
      `| \`${kind}\` | ${means} | ${list(always)} | ${list(sometimes)} |`,
  )
  const members = Object.entries(AUDIT_MEMBERS).map(([name, means]) => `| \`${name}\` | ${means} |`)
  return [
    '| kind | when | always has | may have |',
    '| --- | --- | --- | --- |',
    ...kinds,
    '',
    '| member | meaning |',
    '| --- | --- |',
    ...members,
    '',
  ].join('\n')
}

test('the dictionary of record kinds on the page is the one in the model', () => {
  const page = readFileSync(PAGE, 'utf8')
  // HOLDFAST_WRITE_DOCS=1 writes the page anew.
  if (process.env.HOLDFAST_WRITE_DOCS)
    writeFileSync(
      PAGE,
      page.replace(DICTIONARY, () => dictionary()),
    )
  assert.equal(DICTIONARY.exec(readFileSync(PAGE, 'utf8'))?.[0], dictionary())
})

test('every member of the dictionary is in some kind', () => {
  const used = new Set(
    Object.values(AUDIT_KINDS).flatMap(({ always, sometimes }) => [...always, ...sometimes]),
  )
  assert.deepEqual(
    Object.keys(AUDIT_MEMBERS).filter(name => !used.has(name as keyof typeof AUDIT_MEMBERS)),
    [],
  )
})
