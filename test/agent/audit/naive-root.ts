import { createHash } from 'node:crypto'

/** The Merkle root of some leaves' data: RFC 6962 §2.1 word for word, with nothing of the code under test. */
export function naiveRoot(leaves: readonly Uint8Array[]): Buffer {
  const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
  if (leaves.length === 0) return sha()
  const [only] = leaves
  if (leaves.length === 1 && only) return sha(Buffer.from([0]), only)
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return sha(Buffer.from([1]), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}
