import { type HashTree, powerBelow } from './hash-tree.ts'
import { nodeHash, sameHash } from './merkle.ts'

/** The hashes that lead from leaf `index` to the root of the first `size` leaves (RFC 6962 §2.1.1). */
export function inclusionProof(index: number, size: number, tree: HashTree): Uint8Array[] {
  const path = (from: number, to: number): Uint8Array[] => {
    if (to - from === 1) return []
    const middle = from + powerBelow(to - from)
    return index < middle
      ? [...path(from, middle), tree.root(middle, to)]
      : [...path(middle, to), tree.root(from, middle)]
  }
  return path(0, size)
}

/** Whether `proof` shows that `leaf` is at `index` in the tree of this size and root (RFC 9162 §2.1.3.2). */
export function provesInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (index >= size) return false
  let node = index
  let last = size - 1
  let hash = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else hash = nodeHash(hash, sibling)
    node = half(node)
    last = half(last)
  }
  return last === 0 && sameHash(hash, root)
}

/** The hashes that show that the tree of `older` leaves is the beginning of the one of `size` (RFC 6962 §2.1.2). */
export function consistencyProof(older: number, size: number, tree: HashTree): Uint8Array[] {
  if (older <= 0 || older >= size) return []
  const path = (from: number, to: number, isWhole: boolean): Uint8Array[] => {
    if (older === to) return isWhole ? [] : [tree.root(from, to)]
    const middle = from + powerBelow(to - from)
    return older <= middle
      ? [...path(from, middle, isWhole), tree.root(middle, to)]
      : [...path(middle, to, false), tree.root(from, middle)]
  }
  return path(0, size, true)
}

/** Whether `proof` shows that a tree only grew from `older` to `size` (RFC 9162 §2.1.4.2). */
export function provesConsistency(
  older: number,
  olderRoot: Uint8Array,
  size: number,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (older === size) return proof.length === 0 && sameHash(olderRoot, root)
  if (older <= 0 || older > size) return false
  const isPowerOfTwo = powerBelow(older + 1) === older
  const [first, ...rest] = isPowerOfTwo ? [olderRoot, ...proof] : proof
  if (first === undefined) return false
  let node = older - 1
  let last = size - 1
  while (node % 2 === 1) {
    node = half(node)
    last = half(last)
  }
  let before = first
  let after = first
  for (const sibling of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      before = nodeHash(sibling, before)
      after = nodeHash(sibling, after)
      while (node % 2 === 0 && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else after = nodeHash(after, sibling)
    node = half(node)
    last = half(last)
  }
  return last === 0 && sameHash(before, olderRoot) && sameHash(after, root)
}

function half(value: number): number {
  return Math.floor(value / 2)
}
