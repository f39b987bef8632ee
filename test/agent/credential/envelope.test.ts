import assert from 'node:assert/strict'
import { createHmac, randomBytes, subtle } from 'node:crypto'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import {
  type EnvelopeContext,
  EnvelopeKey,
  envelopeKeyMessage,
  openEnvelope,
  SECRET_LENGTH_MAX,
  sealEnvelope,
} from '../../../agent/credential/envelope.ts'
import type { MasterKey } from '../../../agent/credential/master-key.ts'
import { assertSilent } from './master-key.contract.ts'

const CONTEXT: EnvelopeContext = { purpose: 'break-glass', environment: 'demo', gateway: 'waterworks-1' }
const MASTER_SECRET = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex')
const SECRET = Buffer.from('a secret that must lie on disk\n')

function masterWith(secret: Uint8Array, generation = 1): MasterKey {
  return {
    generation,
    description: 'test (memory)',
    hmac: async message => ({ kind: 'mac', mac: createHmac('sha256', secret).update(message).digest() }),
  }
}

async function keyFor(context = CONTEXT, master = masterWith(MASTER_SECRET)): Promise<EnvelopeKey> {
  const key = await EnvelopeKey.derive(master, context, AbortSignal.timeout(30_000))
  assert.equal(key.kind, 'envelope-key')
  return key.kind === 'envelope-key' ? key : assert.fail()
}

/** The secret, or why not. */
function opened(envelope: Uint8Array, key: EnvelopeKey): string {
  const answer = openEnvelope(envelope, key)
  return answer.kind === 'opened' ? Buffer.from(answer.secret).toString('latin1') : answer.reason
}

describe('envelope', () => {
  it('gives back any secret whole', async () => {
    using key = await keyFor()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), secret => {
        const answer = openEnvelope(sealEnvelope(secret, key, randomBytes), key)
        assert.deepEqual(answer.kind === 'opened' && [...answer.secret], [...secret])
      }),
      { numRuns: 50 },
    )
    const longest = randomBytes(SECRET_LENGTH_MAX)
    assert.equal(opened(sealEnvelope(longest, key, randomBytes), key), longest.toString('latin1'))
    assert.throws(() => sealEnvelope(randomBytes(SECRET_LENGTH_MAX + 1), key, randomBytes), RangeError)
  })

  it('is refused when any one of its bits is flipped', async () => {
    using key = await keyFor()
    const envelope = sealEnvelope(SECRET, key, randomBytes)
    for (let bit = 0; bit < envelope.length * 8; bit++) {
      const flipped = Buffer.from(envelope)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.equal(openEnvelope(flipped, key).kind, 'refused', `bit ${bit}`)
    }
  })

  it('is refused when it is cut anywhere, or something is added', async () => {
    using key = await keyFor()
    const envelope = sealEnvelope(SECRET, key, randomBytes)
    for (let length = 0; length < envelope.length; length++)
      assert.equal(openEnvelope(envelope.subarray(0, length), key).kind, 'refused', `${length} bytes`)
    assert.equal(opened(Buffer.concat([envelope, Buffer.of(0)]), key), 'damaged')
  })

  it('is refused when anything at all stands in its place', async () => {
    using key = await keyFor()
    const start = Buffer.from(key.header)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, plausible) => {
        const forged = plausible ? Buffer.concat([start, bytes]) : bytes
        assert.equal(openEnvelope(forged, key).kind, 'refused')
      }),
      { numRuns: 100 },
    )
  })

  it('opens for its own purpose, environment, gateway and generation and for no other', async () => {
    using key = await keyFor()
    const envelope = sealEnvelope(SECRET, key, randomBytes)
    for (const [context, generation] of [
      [{ ...CONTEXT, purpose: 'checkpoint' }, 1],
      [{ ...CONTEXT, environment: 'plant' }, 1],
      [{ ...CONTEXT, gateway: 'waterworks-2' }, 1],
      [{ purpose: 'break-glassdemo', environment: '', gateway: 'waterworks-1' }, 1],
      [CONTEXT, 2],
    ] as const) {
      using other = await keyFor(context, masterWith(MASTER_SECRET, generation))
      assert.equal(opened(envelope, other), 'other-context')
      // A forger who writes the wanted context in front gets no further.
      const forged = Buffer.concat([other.header, envelope.subarray(key.header.length)])
      assert.equal(opened(forged, other), 'damaged')
    }
  })

  it('does not open under another master key, and does not mix with another envelope', async () => {
    using key = await keyFor()
    using other = await keyFor(CONTEXT, masterWith(randomBytes(32)))
    const [one, two] = [sealEnvelope(SECRET, key, randomBytes), sealEnvelope(SECRET, key, randomBytes)]
    assert.equal(opened(one, other), 'damaged')
    const seam = key.header.length + 12 + 32 + 16
    assert.equal(opened(Buffer.concat([one.subarray(0, seam), two.subarray(seam)]), key), 'damaged')
  })

  it('takes a new data key and new nonces of 96 bits each time', async () => {
    using key = await keyFor()
    const asked: number[] = []
    const count = (bytes: number) => {
      asked.push(bytes)
      return randomBytes(bytes)
    }
    const envelopes = [1, 2].map(() => sealEnvelope(SECRET, key, count))
    assert.deepEqual(
      asked.sort((a, b) => a - b),
      [12, 12, 12, 12, 32, 32],
    )
    assert.notDeepEqual(envelopes[0], envelopes[1])
  })

  it('hides the secret, and its key does not show when printed', async () => {
    using key = await keyFor()
    const envelope = Buffer.from(sealEnvelope(SECRET, key, randomBytes))
    assertSilent(envelope.toString('latin1'), SECRET)
    assertSilent(inspect(key, { depth: 9 }), key.bytes)
  })

  it('has a key that is gone once it is wiped', async () => {
    const key = await keyFor()
    const bytes = key.bytes
    key[Symbol.dispose]()
    assert.ok(bytes.every(byte => byte === 0))
    assert.throws(() => sealEnvelope(SECRET, key, randomBytes), /was wiped/)
  })

  it('passes on why the master key cannot be used', async () => {
    const trouble = { kind: 'unavailable', reason: 'absent', detail: 'no key', remedy: 'Find it.' } as const
    const master: MasterKey = { ...masterWith(MASTER_SECRET), hmac: async () => trouble }
    assert.equal(await EnvelopeKey.derive(master, CONTEXT, AbortSignal.timeout(30_000)), trouble)
  })

  it('has the bytes that its documentation says, read by another implementation', async () => {
    const field = (bytes: Uint8Array) =>
      Buffer.concat([Buffer.from(bytes.length.toString(16).padStart(8, '0'), 'hex'), bytes])
    const generation = Buffer.from('0000000000000001', 'hex')
    const fields = (label: string) =>
      Buffer.concat([
        ...[label, 'break-glass', 'demo', 'waterworks-1'].map(text => field(Buffer.from(text))),
        field(generation),
      ])
    assert.deepEqual(Buffer.from(envelopeKeyMessage(CONTEXT, 1)), fields('holdfast envelope key v1'))

    using key = await keyFor()
    const envelope = Buffer.from(sealEnvelope(SECRET, key, randomBytes))
    const header = fields('holdfast envelope v1')
    const kek = createHmac('sha256', MASTER_SECRET).update(fields('holdfast envelope key v1')).digest()
    const seam = header.length + 60
    assert.deepEqual(envelope.subarray(0, header.length), header)
    const dataKey = await decrypt(kek, envelope.subarray(header.length, seam), header)
    assert.equal(dataKey.length, 32)
    assert.deepEqual(await decrypt(dataKey, envelope.subarray(seam), envelope.subarray(0, seam)), SECRET)
  })
})

/** AES-256-GCM by WebCrypto (W3C Web Cryptography API, 29): the nonce in front, the tag at the end. */
async function decrypt(key: Buffer, box: Buffer, additionalData: Buffer): Promise<Buffer> {
  const imported = await subtle.importKey('raw', Uint8Array.from(key), 'AES-GCM', false, ['decrypt'])
  const iv = Uint8Array.from(box.subarray(0, 12))
  const algorithm = { name: 'AES-GCM', iv, additionalData: Uint8Array.from(additionalData) }
  return Buffer.from(await subtle.decrypt(algorithm, imported, Uint8Array.from(box.subarray(12))))
}
