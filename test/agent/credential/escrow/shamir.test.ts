import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { invert, multiply } from '../../../../agent/credential/escrow/field.ts'
import { interpolate, type Point, splitSecret } from '../../../../agent/credential/escrow/shamir.ts'

interface Vectors {
  readonly multiplication_table_sha256: string
  readonly inverses_sha256: string
  readonly slip39: readonly {
    readonly points: readonly { readonly index: number; readonly value: string }[]
    readonly at_255: string
    readonly at_254: string
  }[]
  readonly polynomials: readonly {
    readonly threshold: number
    readonly shares: number
    readonly secret: string
    readonly coefficients: readonly string[]
    readonly values: readonly string[]
  }[]
}

const vectors = JSON.parse(readFileSync(new URL('./shamir-vectors.json', import.meta.url), 'utf8')) as Vectors

const scheme = fc
  .tuple(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 0, max: 15 }))
  .map(([threshold, spare]) => ({ threshold, shares: Math.min(16, threshold + spare) }))

describe('the field of AES', () => {
  it('multiplies and inverts as FIPS 197 does by example (4.2)', () => {
    assert.equal(multiply(0x57, 0x83), 0xc1)
    assert.equal(multiply(0x57, 0x13), 0xfe)
    assert.equal(multiply(invert(0x53), 0x53), 1)
    assert.equal(invert(0x53), 0xca)
  })

  it('has the products and inverses that another program computed from logarithms', () => {
    const all = Array.from({ length: 256 }, (_, number) => number)
    const table = Uint8Array.from(all.flatMap(a => all.map(b => multiply(a, b))))
    assert.equal(sha256(table), vectors.multiplication_table_sha256)
    assert.equal(sha256(Uint8Array.from(all, invert)), vectors.inverses_sha256)
  })
})

describe('secret sharing', () => {
  it('finds the secrets and digests of the official SLIP-39 vectors', () => {
    assert.ok(vectors.slip39.length >= 4)
    for (const { points, at_255, at_254 } of vectors.slip39) {
      const known = points.map(({ index, value }) => ({ index, value: Buffer.from(value, 'hex') }))
      assert.equal(hex(interpolate(known, 255)), at_255)
      assert.equal(hex(interpolate(known, 254)), at_254)
    }
  })

  it('gives the points that another program computes from the same coefficients', () => {
    for (const { threshold, shares, secret, coefficients, values } of vectors.polynomials) {
      const random = coefficients.map(coefficient => Buffer.from(coefficient, 'hex')).values()
      const points = splitSecret(
        Buffer.from(secret, 'hex'),
        { threshold, shares },
        () => random.next().value ?? assert.fail('too much entropy was asked for'),
      )
      assert.deepEqual(
        points.map(({ value }) => hex(value)),
        values,
      )
    }
  })

  it('gives the secret back from any shares, if they are enough', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), scheme, fc.nat(), (secret, of, seed) => {
        const points = splitSecret(secret, of, randomBytes)
        assert.deepEqual(interpolate(pick(points, of.threshold, seed), 0), secret)
      }),
      { numRuns: 100 },
    )
  })

  // For a secret of one byte and two shares needed, count them all: each of the 256 random bytes gives a share one value, for
  // each secret another one, so that one share fits every secret equally well.
  it('says nothing about the secret in fewer shares than needed', () => {
    for (const secret of [0, 1, 0x53, 0xff]) {
      for (const index of [1, 2, 5]) {
        const values = new Set<number>()
        for (let random = 0; random < 256; random++) {
          const points = splitSecret(Uint8Array.of(secret), { threshold: 2, shares: 5 }, () =>
            Uint8Array.of(random),
          )
          values.add(points[index - 1]?.value[0] ?? -1)
        }
        assert.equal(values.size, 256)
      }
    }
  })

  it('fits any other secret as well, when one share is missing', () => {
    const of = fc.integer({ min: 2, max: 8 })
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(bytes, bytes, of, (secret, other, threshold) => {
        const points = splitSecret(secret, { threshold, shares: threshold }, randomBytes).slice(1)
        const forged = interpolate([...points, { index: 0, value: other }], 1)
        assert.deepEqual(interpolate([{ index: 1, value: forged }, ...points], 0), other)
      }),
      { numRuns: 30 },
    )
  })

  it('takes fresh random bytes for each coefficient, and wipes them', () => {
    const given: Uint8Array[] = []
    splitSecret(randomBytes(32), { threshold: 3, shares: 5 }, length => {
      const bytes = randomBytes(length)
      given.push(bytes)
      return bytes
    })
    assert.deepEqual(
      given.map(bytes => [bytes.length, bytes.every(byte => byte === 0)]),
      [
        [32, true],
        [32, true],
      ],
    )
  })
})

function pick(points: readonly Point[], count: number, seed: number): Point[] {
  const left = [...points]
  let state = seed
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    const [point] = left.splice(state % left.length, 1)
    return point ?? assert.fail('no point is left')
  })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
