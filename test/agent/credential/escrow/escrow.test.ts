import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { joinShares, splitKey } from '../../../../agent/credential/escrow/escrow.ts'
import { keyIdOf } from '../../../../agent/credential/escrow/key-id.ts'
import { formatShare, readShare } from '../../../../agent/credential/escrow/share.ts'
import { seededEntropy } from '../../../seeded-entropy.ts'

const randomBytes = seededEntropy('escrow')

const OF = { environment: 'north-works', gateway: 'gateway-7', generation: 2 }
const key = randomBytes(32)
const split = (of = OF, secret: Uint8Array = key) =>
  splitKey({ key: secret, threshold: 3, shares: 5, of, entropy: randomBytes })

const texts = split()

describe('escrow', () => {
  it('gives the key back from any three of five shares, in any order, and says whose it is', () => {
    for (const [a, b, c] of [
      [0, 1, 2],
      [4, 3, 2],
      [1, 4, 0],
      [3, 0, 2],
    ] as const) {
      const answer = joinShares(['', texts[a] ?? '', texts[b] ?? '', texts[c] ?? '', ' \n'], OF)
      assert.equal(answer.kind, 'key')
      if (answer.kind !== 'key') return
      assert.deepEqual(Buffer.from(answer.key), key)
      const { environment, gateway, generation, keyId } = answer
      assert.deepEqual({ environment, gateway, generation, keyId }, { ...OF, keyId: keyIdOf(key) })
    }
    assert.equal(joinShares(texts).kind, 'key')
  })

  it('names a key by the beginning of an HMAC, which anybody can compute who has the key', () => {
    const mac = createHmac('sha256', key).update('holdfast escrow id').digest('hex')
    assert.equal(keyIdOf(key), mac.slice(0, 12))
  })

  it('writes nothing of the key into a share', () => {
    for (const text of texts) {
      const answer = readShare(text)
      assert.ok(answer.kind === 'share' && !Buffer.from(answer.share.value).equals(key))
    }
  })

  it('refuses shares that cannot give the key, and says which and why', () => {
    const [one = '', two = '', three = ''] = texts
    const [another = ''] = split()
    const [ofOtherKey = ''] = split(OF, randomBytes(32))
    const [ofOtherGateway = ''] = split({ ...OF, gateway: 'gateway-8' })
    const [older = ''] = split({ ...OF, generation: 1 })
    const cases: readonly (readonly [string[], RegExp])[] = [
      [[], /^there is no share$/],
      [[one], /^1 of 3 shares are here: 2 more are needed$/],
      [[one, two], /^2 of 3 shares are here: 1 more is needed$/],
      [[one, two, one], /^the 3rd share \(no. 1\) is the same as the 1st: it counts once$/],
      [[two, another, three], /^the 2nd share \(no. 1\) comes from another splitting of the same key/],
      [[two, three, ofOtherKey], /^the 3rd share \(no. 1\) is of another key than the first share$/],
      [
        [two, ofOtherGateway],
        /^the 2nd share \(no. 1\) is of gateway north-works\/gateway-8, and the key that is wanted of north-works\/gateway-7$/,
      ],
      [
        [two, older],
        /^the 2nd share \(no. 1\) is of generation 1, and the key that is wanted of generation 2$/,
      ],
      [[one, 'hello', two], /^the 2nd share cannot be read: it does not begin with hf-share-1$/],
      [
        [one, two, `${three.slice(0, -3)}000`],
        /^the 3rd share cannot be read: no. 3: group 18 \(.{5}\) is not as it was written$/,
      ],
    ]
    for (const [given, reason] of cases) {
      const answer = joinShares(given, OF)
      assert.match(answer.kind === 'refused' ? answer.detail : 'a key', reason)
    }
    const mixed = joinShares([two, ofOtherGateway])
    assert.match(mixed.kind === 'refused' ? mixed.detail : '', /gateway-8, and the first share of/)
  })

  it('refuses a share that was made up, with all its checksums', () => {
    const [one = '', two = '', three = '', four = ''] = texts
    const answer = readShare(three)
    assert.equal(answer.kind, 'share')
    if (answer.kind !== 'share') return
    const forged = formatShare({ ...answer.share, value: randomBytes(32) })
    const needed = joinShares([one, two, forged])
    assert.match(needed.kind === 'refused' ? needed.detail : '', /another key than the one that was split/)
    const spare = joinShares([one, two, four, forged])
    assert.match(spare.kind === 'refused' ? spare.detail : '', /^share no. 3 does not belong to the others/)
  })
})
