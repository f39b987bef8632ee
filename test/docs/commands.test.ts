import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PERMIT_CODES } from '../../agent/command/permit.ts'

const page = readFileSync(new URL('../../docs/COMMANDS.md', import.meta.url), 'utf8')

test('docs/COMMANDS.md has every code that a command can be refused with on its way to the plant, in the order of the questions', () => {
  const [, table = ''] = page.split(/<!-- (?:codes, in the order of the questions|end of the codes) -->/)
  const codes = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code)
  assert.deepEqual(codes, PERMIT_CODES)
})
