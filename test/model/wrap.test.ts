import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wrap } from '../../model/wrap.ts'

test('a text is broken at its spaces, and a word that is longer than a line stays whole', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three'])
  assert.deepEqual(wrap('look at /var/lib/holdfast/audit.db now', 10), [
    'look at',
    '/var/lib/holdfast/audit.db',
    'now',
  ])
  assert.deepEqual(wrap('a\nb', 10), ['a', 'b'])
  assert.deepEqual(wrap('', 10), [''])
})

test('no line is too long but for one word, and nothing is lost', () => {
  const words = fc.array(fc.stringMatching(/^[a-z/.]{1,30}$/), { minLength: 1 })
  fc.assert(
    fc.property(words, fc.integer({ min: 5, max: 40 }), (text, width) => {
      const lines = wrap(text.join(' '), width)
      assert.equal(lines.join(' '), text.join(' '))
      assert.ok(lines.every(line => line.length <= width || !line.includes(' ')))
    }),
  )
})
