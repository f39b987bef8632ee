import { EMPTY_ROOT, HASH_LENGTH, nodeHash } from './merkle.ts'

/** Hashes that a level has room for at first. */
const ROOM = 1024

/**
 * A Merkle tree (RFC 6962 §2.1) with every perfect subtree's hash at hand, so that a proof costs a few hashes however many
 * are asked for. It holds 64 bytes a leaf.
 */
export class HashTree {
  /** Level k has the hashes of the perfect subtrees of 2^k leaves, from the left. */
  readonly #levels: Level[] = [new Level()]

  static of(leaves: Iterable<Uint8Array>): HashTree {
    const tree = new HashTree()
    for (const leaf of leaves) tree.append(leaf)
    return tree
  }

  get size(): number {
    return this.#level(0).count
  }

  append(leaf: Uint8Array): void {
    this.#level(0).push(leaf)
    for (let height = 0; this.#level(height).count % 2 === 0; height += 1) {
      const level = this.#level(height)
      if (this.#levels.length === height + 1) this.#levels.push(new Level())
      this.#level(height + 1).push(nodeHash(level.at(level.count - 2), level.at(level.count - 1)))
    }
  }

  leaf(index: number): Uint8Array {
    return this.#level(0).at(index)
  }

  /** Root of the leaves from `from` to before `to`: MTH of RFC 6962 §2.1. Throws RangeError when they are not all there. */
  root(from: number, to: number): Uint8Array {
    if (from < 0 || to > this.size || from > to)
      throw new RangeError(`no leaves ${from} to ${to} in a tree of ${this.size}`)
    if (from === to) return EMPTY_ROOT
    const height = Math.log2(to - from)
    if (Number.isInteger(height) && from % (to - from) === 0)
      return this.#level(height).at(from / (to - from))
    const middle = from + powerBelow(to - from)
    return nodeHash(this.root(from, middle), this.root(middle, to))
  }

  #level(height: number): Level {
    const level = this.#levels[height]
    if (level === undefined) throw new RangeError(`no level ${height} in a tree of ${this.size}`)
    return level
  }
}

/** The largest power of two smaller than `size`, which is 2 or more: where RFC 6962 splits a tree. */
export function powerBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

/** Hashes one after the other, in a buffer that doubles. */
class Level {
  count = 0
  #bytes = new Uint8Array(ROOM * HASH_LENGTH)

  push(hash: Uint8Array): void {
    const end = this.count * HASH_LENGTH
    if (end === this.#bytes.length) {
      const grown = new Uint8Array(end * 2)
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes.set(hash, end)
    this.count += 1
  }

  at(index: number): Uint8Array {
    return this.#bytes.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH)
  }
}
