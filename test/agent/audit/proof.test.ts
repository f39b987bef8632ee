import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HashTree } from '../../../agent/audit/hash-tree.ts'
import { Frontier, leafHash } from '../../../agent/audit/merkle.ts'
import {
  consistencyProof,
  inclusionProof,
  provesConsistency,
  provesInclusion,
} from '../../../agent/audit/proof.ts'

const HASHES = Array.from({ length: 70 }, (_, index) => leafHash(Buffer.from(`record ${index}`)))
const leafAt = (index: number) => HASHES[index] ?? assert.fail(`no leaf ${index}`)
const TREE = HashTree.of(HASHES)

function rootOf(size: number): Uint8Array {
  const frontier = Frontier.empty()
  for (const hash of HASHES.slice(0, size)) frontier.append(hash)
  return frontier.root()
}

const sizes = fc.integer({ min: 1, max: HASHES.length })

describe('proofs', () => {
  it('show that a record is in the log, for every record of every log', () => {
    for (let size = 1; size <= HASHES.length; size += 1) {
      const root = rootOf(size)
      for (let index = 0; index < size; index += 1) {
        assert.ok(provesInclusion(leafAt(index), index, size, inclusionProof(index, size, TREE), root))
      }
    }
  })

  it('do not show it of another record, place, size or root', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (size, one, two) => {
        const index = one % size
        const other = two % HASHES.length
        const proof = inclusionProof(index, size, TREE)
        const root = rootOf(size)
        if (other !== index) {
          assert.ok(!provesInclusion(leafAt(other), index, size, proof, root))
          assert.ok(!provesInclusion(leafAt(index), other, size, proof, root))
        }
        assert.ok(!provesInclusion(leafAt(index), index, size, proof, leafAt(0).toReversed()))
        assert.ok(!provesInclusion(leafAt(index), index, size, [...proof, root], root))
      }),
    )
  })

  it('show that a log only grew, between any two sizes', () => {
    for (let size = 1; size <= HASHES.length; size += 1) {
      for (let older = 1; older <= size; older += 1) {
        const proof = consistencyProof(older, size, TREE)
        assert.ok(provesConsistency(older, rootOf(older), size, rootOf(size), proof), `${older} to ${size}`)
      }
    }
  })

  it('do not show it of a log whose beginning was changed', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (size, one) => {
        const older = (one % size) + 1
        const proof = consistencyProof(older, size, TREE)
        const forged = rootOf(older).toReversed()
        assert.ok(!provesConsistency(older, forged, size, rootOf(size), proof))
        assert.ok(!provesConsistency(older, rootOf(older), size, forged, proof))
      }),
    )
  })
})
