import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { signRequest } from '../../../client/sign.ts'
import { Signer } from '../../../console/panel/signer.ts'

const secret = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('the panel signs any request to the same bytes as every other client of this repository does', async () => {
  await fc.assert(
    fc.asyncProperty(
      secret,
      fc.constantFrom('GET', 'POST'),
      fc.webAuthority(),
      fc.webPath(),
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.uint8Array({ minLength: 16, maxLength: 40 }),
      fc.stringMatching(/^hf1:[a-z]{1,9}\/[a-z]{1,9}\/1\/20779\/[A-Za-z0-9_-]{16};sub=[a-z]{1,9}$/),
      async (bytes, method, authority, path, body, created, nonce, keyid) => {
        const request = { method, authority, path, body: Uint8Array.from(body) }
        const credential = { keyid, secret: Buffer.from(bytes).toString('base64url') }
        const expected = signRequest(request, credential, { created, nonce })
        const signer = await Signer.hold({ keyid, secret: Uint8Array.from(bytes) })
        assert.deepEqual(await signer.sign(request, { created, nonce }), expected)
      },
    ),
  )
})

test('a secret that the panel has taken over is wiped where it was', async () => {
  const bytes = new Uint8Array(32).fill(7)
  await Signer.hold({ keyid: 'hf1:demo/waterworks-1/1/20779/AAECAwQFBgcICQoL', secret: bytes })
  assert.deepEqual(bytes, new Uint8Array(32))
})
