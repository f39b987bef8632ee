import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatSignatureParams,
  parseContentDigest,
  parseSignature,
  parseSignatureInput,
  signatureBase,
} from '../../model/signature.ts'

const params = {
  created: 1795327893,
  nonce: '8PHy8_T19vf4-fr7_P3-_w',
  keyid: 'hf1:demo/g/1/2/AAECAwQFBgcICQoL;sub=a',
}
const good = formatSignatureParams(params)

test('a signature input that is written is read back the same', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9_999_999_999 }),
      fc.stringMatching(/^[A-Za-z0-9_-]{22,60}$/),
      fc.stringMatching(/^[!#-[\]-~]{1,200}$/),
      (created, nonce, keyid) => {
        const text = formatSignatureParams({ created, nonce, keyid })
        const read = parseSignatureInput(`hf=${text}`)
        assert.deepEqual(read, { label: 'hf', signatureParams: text, created, nonce, keyid })
      },
    ),
  )
})

test('the parameters may come in another order, and alg may be left out; the bytes are kept as they came', () => {
  const text = `("@method" "@authority" "@path" "@query" "content-digest");tag="holdfast-v1";keyid="k";nonce="${'n'.repeat(22)}";created=1`
  const read = parseSignatureInput(`sig1=${text}`)
  assert.ok(typeof read === 'object')
  assert.equal(read.signatureParams, text)
  assert.equal(read.label, 'sig1')
})

test('any other form of signature input is refused with its reason', () => {
  for (const [field, reason] of [
    ['', /not of the form/],
    [good, /not of the form/],
    [`hf=${good.replace('"@query" ', '')}`, /not of the form/],
    [`hf=${good.replace('"@method" "@authority"', '"@authority" "@method"')}`, /not of the form/],
    [`hf=${good.replace('"@path"', '"@path";req')}`, /not of the form/],
    [`hf=${good.replace(';created', '; created')}`, /not of the form/],
    [`hf=${good.replace('created=1795327893', 'created="1795327893"')}`, /wrong type/],
    [`hf=${good.replace('created=1795327893', 'created=-5')}`, /not of the form/],
    [`hf=${good};nonce="${'x'.repeat(22)}"`, /twice/],
    [`hf=${good};expires=1795327999`, /wrong type|not supported/],
    [`hf=${good};extra="1"`, /not supported: extra/],
    [`hf=${good.replace('hmac-sha256', 'rsa-v1_5-sha256')}`, /algorithm/],
    [`hf=${good.replace('holdfast-v1', 'holdfast-v2')}`, /tag/],
    [`hf=${good.replace(params.nonce, 'short')}`, /nonce/],
    [`hf=${good.replace(/;nonce="[^"]*"/, '')}`, /lacks the parameter nonce/],
    [`hf=${good.replace(/;keyid="[^"]*"/, '')}`, /lacks the parameter keyid/],
    [`hf=${good.replace(/;created=[0-9]*/, '')}`, /lacks the parameter created/],
    [`hf=${good.replace(/;tag="[^"]*"/, '')}`, /lacks the parameter tag/],
  ] as const) {
    const read = parseSignatureInput(field)
    assert.ok(typeof read === 'string', field)
    assert.match(read, reason, field)
  }
})

test('a signature is 32 bytes of base64 under a label, a digest is one sha-256', () => {
  const base64 = Buffer.alloc(32, 7).toString('base64')
  assert.deepEqual(parseSignature(`hf=:${base64}:`), { label: 'hf', base64 })
  assert.equal(parseSignature(`hf=:${Buffer.alloc(31).toString('base64')}:`), undefined)
  assert.equal(parseSignature(`hf=:${base64}:, b=:${base64}:`), undefined)
  assert.equal(parseContentDigest(`sha-256=:${base64}:`), base64)
  assert.equal(parseContentDigest(`sha-512=:${base64}:`), undefined)
  assert.equal(parseContentDigest(`sha-256=:${base64}:, sha-512=:${base64}:`), undefined)
})

test('hmac-sha256 over a signature base gives the signature of RFC 9421, appendix B.2.5', () => {
  const vector = JSON.parse(
    readFileSync(new URL('../vectors/rfc9421-b.2.5-hmac-sha256.json', import.meta.url), 'utf8'),
  ) as { key_base64: string; signature_base: string; signature_base64: string }
  const signature = createHmac('sha256', Buffer.from(vector.key_base64, 'base64')).update(
    vector.signature_base,
  )
  assert.equal(signature.digest('base64'), vector.signature_base64)
})

test('the signature base has one line a component and one for the parameters, and no line feed at its end', () => {
  const components = {
    method: 'POST',
    authority: 'h:1',
    path: '/p',
    query: '?',
    contentDigest: 'sha-256=:x:',
  }
  assert.equal(
    signatureBase(components, good),
    `"@method": POST\n"@authority": h:1\n"@path": /p\n"@query": ?\n"content-digest": sha-256=:x:\n"@signature-params": ${good}`,
  )
})
