import { createHash, hash } from 'node:crypto'

/** SHA-256 output, in bytes. */
export const HASH_LENGTH = 32

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** Hash of one leaf: SHA-256(0x00 ‖ data), RFC 6962 §2.1. */
export function leafHash(data: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([LEAF, data]), 'buffer')
}

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 §2.1. The other prefix keeps a node from passing as a leaf. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([NODE, left, right]), 'buffer')
}

/** Root of the tree without leaves: SHA-256 of nothing, RFC 6962 §2.1. */
export const EMPTY_ROOT: Uint8Array = createHash('sha256').digest()

/**
 * The right edge of a Merkle tree (RFC 6962 §2.1): one hash for each perfect subtree, largest first, as many as the
 * size has one-bits. It is all that appending and computing the root need, so both cost O(log n).
 */
export class Frontier {
  #size: number
  readonly #hashes: Uint8Array[]

  private constructor(size: number, hashes: Uint8Array[]) {
    this.#size = size
    this.#hashes = hashes
  }

  static empty(): Frontier {
    return new Frontier(0, [])
  }

  /** Reads what `bytes()` wrote for a tree of this size; undefined when the lengths do not fit each other. */
  static restore(size: number, bytes: Uint8Array): Frontier | undefined {
    if (!Number.isSafeInteger(size) || size < 0) return undefined
    if (bytes.length !== onesIn(size) * HASH_LENGTH) return undefined
    const hashes: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += HASH_LENGTH) hashes.push(bytes.slice(at, at + HASH_LENGTH))
    return new Frontier(size, hashes)
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size
  }

  /** Adds one leaf hash. Two subtrees of one height become one, as a carry does in binary counting. */
  append(leaf: Uint8Array): void {
    let right = leaf
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.#hashes.pop()
      if (left === undefined) throw new Error('frontier shorter than its size says')
      right = nodeHash(left, right)
    }
    this.#hashes.push(right)
    this.#size += 1
  }

  /** The tree's root: the subtrees folded from the smallest, on the right, to the largest. */
  root(): Uint8Array {
    return (
      this.#hashes.reduceRight<Uint8Array | undefined>(
        (right, left) => (right === undefined ? left : nodeHash(left, right)),
        undefined,
      ) ?? EMPTY_ROOT
    )
  }

  /** The hashes one after the other, largest subtree first: what a checkpoint keeps. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#hashes)
  }

  /** A copy that can go on by itself. */
  clone(): Frontier {
    return new Frontier(this.#size, [...this.#hashes])
  }
}

/** Number of one-bits. Sizes pass 2^32, so no bitwise operators. */
function onesIn(size: number): number {
  let ones = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return ones
}

/** Whether two hashes are the same. Nothing here is secret, so it need not be constant-time. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
