import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatCaveat, parseCaveat } from '../../model/caveat.ts'
import { parseKeyId } from '../../model/credential.ts'
import { canonicalJson, type Json, parseJsonStrictly } from '../../model/json.ts'
import { parseContentDigest, parseSignature, parseSignatureInput } from '../../model/signature.ts'
import { BODIES, CONTENT_DIGESTS, type Corpus, KEYIDS, SIGNATURE_INPUTS, SIGNATURES } from './corpus.ts'
import { effort } from './effort.ts'
import { edited, edits } from './mutation.ts'

// Every reader of a text that somebody sent, on what it should read, on what it should not, and on what becomes of both
// when they are taken apart and put together wrong.

/** A reader, written as: the text that what it read stands for, or undefined where it refused. */
const READERS: readonly (readonly [
  what: string,
  corpus: Corpus,
  readBack: (text: string) => string | undefined,
])[] = [
  [
    'keyid',
    KEYIDS,
    text => {
      const keyId = parseKeyId(text)
      if (!keyId) return undefined
      const { environment, gateway, generation, epoch, serial, caveats } = keyId
      const identifier = `hf1:${environment}/${gateway}/${generation}/${epoch}/${serial}`
      assert.equal(keyId.identifier, identifier)
      return [identifier, ...caveats].join(';')
    },
  ],
  [
    'Signature-Input',
    SIGNATURE_INPUTS,
    text => {
      const input = parseSignatureInput(text)
      if (typeof input === 'string') return undefined
      assert.ok(input.signatureParams.includes(`;nonce="${input.nonce}"`))
      assert.ok(input.signatureParams.includes(`;keyid="${input.keyid}"`))
      return `${input.label}=${input.signatureParams}`
    },
  ],
  [
    'Signature',
    SIGNATURES,
    text => {
      const signature = parseSignature(text)
      // From the bytes: of two texts for the same bytes only one is read.
      return signature && `${signature.label}=:${Buffer.from(signature.base64, 'base64').toString('base64')}:`
    },
  ],
  [
    'Content-Digest',
    CONTENT_DIGESTS,
    text => {
      const digest = parseContentDigest(text)
      return digest && `sha-256=:${Buffer.from(digest, 'base64').toString('base64')}:`
    },
  ],
]

for (const [what, corpus, readBack] of READERS) {
  describe(`the reader of a ${what}`, () => {
    test('reads every text of the corpus that is one, and refuses every one that is not', () => {
      for (const text of corpus.read) assert.equal(readBack(text), text)
      for (const text of corpus.refused) assert.equal(readBack(text), undefined, text)
    })

    test('throws at nothing, and what it reads is all of the text and nothing else', () => {
      const texts = [...corpus.read, ...corpus.refused]
      fc.assert(
        fc.property(fc.constantFrom(...texts), edits(texts), (text, list) => {
          const mutated = edited(text, list)
          const back = readBack(mutated)
          assert.ok(back === undefined || back === mutated)
        }),
        effort(),
      )
    })
  })
}

test('the reader of a caveat throws at nothing, and a caveat that it reads is written as one that means the same', () => {
  const caveats = KEYIDS.read.flatMap(text => text.split(';').slice(1))
  fc.assert(
    fc.property(fc.constantFrom(...caveats), edits(caveats), (text, list) => {
      const caveat = parseCaveat(edited(text, list))
      if (!caveat) return
      const again = parseCaveat(formatCaveat(caveat))
      // Compared as JSON, in which -0 is 0, as it is in the grammar.
      assert.equal(JSON.stringify(again), JSON.stringify(caveat))
    }),
    effort(),
  )
})

test('the reader of JSON throws a SyntaxError and nothing else, does not quote what it read, and canonical bytes round-trip', () => {
  const texts = [...BODIES.read, ...BODIES.refused]
  fc.assert(
    fc.property(fc.constantFrom(...texts), edits(texts), (text, list) => {
      const value = parsed(edited(text, list))
      if (value === undefined || !hasJson(value)) return
      const canonical = canonicalJson(value)
      assert.equal(canonicalJson(parseJsonStrictly(canonical)), canonical)
    }),
    effort(),
  )
  const secret = 'bm9ib2R5IHNob3VsZCBldmVyIHJlYWQgdGhpcyBoZXJl'
  for (const text of [secret, `"${secret}`, `{"secret":${secret}}`, `{${secret}`, `["${secret}" "x"]`]) {
    assert.throws(
      () => parseJsonStrictly(text),
      error => error instanceof SyntaxError && !error.message.includes(secret.slice(0, 6)),
    )
  }
})

function parsed(text: string): Json | undefined {
  try {
    return parseJsonStrictly(text)
  } catch (error) {
    assert.ok(error instanceof SyntaxError, String(error))
    return undefined
  }
}

/** Whether no number in it is too large: JSON.parse reads 1e999, and there is no JSON for what it makes of it. */
function hasJson(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return value !== Infinity && value !== -Infinity
  return Object.values(value).every(hasJson)
}
