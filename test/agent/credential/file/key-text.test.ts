import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseKeyText } from '../../../../agent/credential/file/key-text.ts'

const KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eFf'

function parse(text: string): string | undefined {
  const key = parseKeyText(Buffer.from(text, 'latin1'))
  return key && Buffer.from(key).toString('hex')
}

describe("a key's text", () => {
  it('is 64 hexadecimal digits in either case, with one line feed or none', () => {
    for (const text of [KEY, `${KEY}\n`, KEY.toLowerCase(), KEY.toUpperCase()])
      assert.equal(parse(text), KEY.toLowerCase())
  })

  it('is any 32 bytes', () => {
    const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter(key => new Set(key).size > 1)
    fc.assert(
      fc.property(keys, key => {
        const text = Buffer.from(key).toString('hex')
        assert.equal(parse(text), text)
      }),
      { numRuns: 50 },
    )
  })

  for (const [name, text] of Object.entries({
    'nothing at all': '',
    'a digit too few': KEY.slice(1),
    'a digit too many': `${KEY}0`,
    'two line feeds': `${KEY}\n\n`,
    'a carriage return': `${KEY}\r`,
    'a space in front': ` ${KEY.slice(1)}`,
    'a letter beyond f': `g${KEY.slice(1)}`,
    'a sign next to the digits': `/:@G\`g${KEY.slice(6)}`,
    'a line feed for a digit': `${KEY.slice(1)}\n`,
    '0x in front': `0x${KEY.slice(2)}`,
    '32 raw bytes': '\x01\x02'.repeat(16),
    'base64 of 32 bytes': 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
    'a blank of zeros': '0'.repeat(64),
    'a blank of ones': 'ff'.repeat(32),
  }))
    it(`is not ${name}`, () => assert.equal(parse(text), undefined))
})
