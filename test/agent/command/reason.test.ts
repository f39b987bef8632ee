import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { reason, reasonTowardsSafe } from '../../../agent/command/reason.ts'
import { hostileText, STEERING } from '../../hostile-text.ts'

test('a reason that is taken steers nobody’s terminal; one that may be of a stop is taken always', () => {
  fc.assert(
    fc.property(hostileText, text => {
      const taken = reason.safeParse(text)
      assert.ok(!taken.success || !STEERING.test(taken.data))
      assert.ok(!STEERING.test(reasonTowardsSafe.parse(text)))
    }),
  )
})

test('what people write is a reason: spaces around it are not part of it, and nothing is none', () => {
  assert.equal(reason.parse('  Ventil klemmt – 20 °C, „heiß“ 🔧 '), 'Ventil klemmt – 20 °C, „heiß“ 🔧')
  assert.equal(reasonTowardsSafe.parse(' burst\tpipe '), 'burst\ufffdpipe')
  for (const text of [
    '',
    '   ',
    'two\nlines',
    'turned \u202e round',
    'a\u2028b',
    '\u009b2K',
    'x'.repeat(501),
  ])
    assert.ok(!reason.safeParse(text).success, JSON.stringify(text))
})
