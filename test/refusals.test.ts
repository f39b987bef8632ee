import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRefusals, refusalsShown } from './refusals.ts'

test('every refusal that there is, is expected by a test of the agent', () => {
  const shown = refusalsShown()
  assert.deepEqual(
    shown.filter(({ by }) => by.length === 0).map(({ code }) => code),
    [],
  )
  assert.equal(formatRefusals(shown).trim().split('\n').length, shown.length + 2)
})
