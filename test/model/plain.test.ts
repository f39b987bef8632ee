import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonLine, plain, plainJson, plainJsonText, plainLines } from '../../model/plain.ts'
import { hostileText, isPlain, STEERING } from '../hostile-text.ts'

test('a plain text is one line that steers nothing, and what was plain is left as it is', () => {
  fc.assert(
    fc.property(hostileText, text => {
      assert.ok(!STEERING.test(plain(text)))
      assert.equal(plain(plain(text)), plain(text))
    }),
  )
  for (const text of ['inlet-valve: open', 'Ä ö ü → ≥ 20 °C', '🔧 seal', '阀门', '= 1'])
    assert.equal(plain(text), text)
})

test('of several lines each is plain, and there are as many', () => {
  fc.assert(
    fc.property(hostileText, text => {
      assert.ok(isPlain(plainLines(text)))
      assert.equal(plainLines(text).split('\n').length, text.split('\n').length)
    }),
  )
})

test('a value made plain has no steering text and no such member, and its form is the same', () => {
  fc.assert(
    fc.property(hostileText, hostileText, (name, text) => {
      const made = plainJson({ a: [{ [name]: text }], b: null, c: 7, d: true })
      assert.deepEqual(made, { a: [{ [plain(name)]: plain(text) }], b: null, c: 7, d: true })
    }),
  )
})

test('JSON for a terminal steers nothing, is one line, and means what it meant', () => {
  fc.assert(
    fc.property(hostileText, text => {
      const line = jsonLine({ text })
      assert.ok(isPlain(line))
      assert.equal(line.split('\n').length, 2)
      assert.deepEqual(JSON.parse(line), { text })
      assert.deepEqual(JSON.parse(plainJsonText(JSON.stringify([text]))), [text])
    }),
  )
})
