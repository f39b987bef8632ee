import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, type Json, parseJsonStrictly } from '../../model/json.ts'

test('an object that has a key twice is refused, also deep inside and also when it is spelt differently', () => {
  for (const text of [
    '{"setpoint":"open","setpoint":"closed"}',
    '{"a":{"b":1,"b":1}}',
    '[{"a":1},{"b":[{"c":1,"c":2}]}]',
    '{"setpoint":1,"\\u0073etpoint":2}',
    '{"a":":","a":1}',
    '{ "x" : 1 , "y" : {} , "x" : 2 }',
  ]) {
    assert.throws(() => parseJsonStrictly(text), /stands twice/, text)
  }
})

test('what is not repeated is read as JSON.parse reads it', () => {
  for (const text of [
    '{"a":{"x":1},"b":{"x":1}}',
    '[{"x":1},{"x":1}]',
    '{"a":"\\"a\\":1","b":"{\\"a\\":1,\\"a\\":2}"}',
    '{"__proto__":1,"a":2}',
    '3',
    '"text"',
  ]) {
    assert.deepEqual(parseJsonStrictly(text), JSON.parse(text))
  }
  fc.assert(
    fc.property(fc.json(), text => {
      // fast-check's own objects have no repeated keys.
      assert.deepEqual(parseJsonStrictly(text), JSON.parse(text))
    }),
  )
})

test('canonical JSON has one form for one value and is read back to it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), value => {
      const text = canonicalJson(value as Json)
      const back = JSON.parse(text) as Json
      assert.equal(canonicalJson(back), text)
    }),
  )
  assert.equal(
    canonicalJson({ b: 1, a: [true, null, 'é'], aa: { d: 1e21, c: -0 } }),
    '{"a":[true,null,"é"],"aa":{"c":0,"d":1e+21},"b":1}',
  )
})

test('numbers that JSON has no text for are refused', () => {
  assert.throws(() => canonicalJson({ a: Number.NaN }), TypeError)
})
