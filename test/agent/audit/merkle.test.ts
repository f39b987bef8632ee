import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EMPTY_ROOT, Frontier, leafHash } from '../../../agent/audit/merkle.ts'
import { naiveRoot } from './naive-root.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/rfc6962-roots.json', import.meta.url), 'utf8'),
) as { leaves_hex: string[]; root_hex_by_size: string[] }

function grown(leaves: readonly Uint8Array[]): Frontier {
  const frontier = Frontier.empty()
  for (const leaf of leaves) frontier.append(leafHash(leaf))
  return frontier
}

const leavesOf = (maxLength: number) => fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength })

describe('the Merkle tree of RFC 6962', () => {
  const leaves = vectors.leaves_hex.map(hex => Buffer.from(hex, 'hex'))
  for (const [size, root] of vectors.root_hex_by_size.entries()) {
    it(`has the published root at ${size} leaves`, () => {
      assert.equal(Buffer.from(grown(leaves.slice(0, size)).root()).toString('hex'), root)
    })
  }

  it('has the root of the definition, for any leaves', () => {
    fc.assert(
      fc.property(leavesOf(70), some => {
        assert.deepEqual(Buffer.from(grown(some).root()), naiveRoot(some))
      }),
    )
  })

  it('goes on from a kept right edge as if it had never stopped', () => {
    fc.assert(
      fc.property(leavesOf(40), leavesOf(40), (before, after) => {
        const first = grown(before)
        const again = Frontier.restore(first.size, first.bytes())
        assert.ok(again)
        for (const leaf of after) again.append(leafHash(leaf))
        assert.deepEqual(Buffer.from(again.root()), naiveRoot([...before, ...after]))
        assert.deepEqual(Buffer.from(first.root()), naiveRoot(before), 'and the first one did not move')
      }),
    )
  })

  it('does not restore a right edge that does not fit its size', () => {
    const { size, root } = { size: 5, root: grown(leaves.slice(0, 5)).bytes() }
    assert.equal(Frontier.restore(size + 2, root), undefined)
    assert.equal(Frontier.restore(size, root.subarray(1)), undefined)
    assert.equal(Frontier.restore(-1, root), undefined)
    assert.equal(Frontier.restore(1.5, root), undefined)
  })

  it('counts leaves beyond 32 bits', () => {
    const size = 2 ** 40 + 2 ** 33
    const edge = Frontier.restore(size, new Uint8Array(64))
    assert.equal(edge?.size, size)
    edge?.append(leafHash(new Uint8Array()))
    assert.equal(edge?.bytes().length, 96)
  })

  it('has the hash of nothing as the root of no leaves', () => {
    assert.deepEqual(Buffer.from(Frontier.empty().root()), Buffer.from(EMPTY_ROOT))
  })
})
