import { createHash } from 'node:crypto'

/** Bytes that look random and are the same in every run: SHA-256 over a seed and a counter. */
export function seededEntropy(seed: string): (length: number) => Buffer {
  let drawn = 0
  return length => {
    const blocks: Buffer[] = []
    for (let have = 0; have < length; have += 32) {
      blocks.push(createHash('sha256').update(`${seed} ${drawn}`).digest())
      drawn += 1
    }
    return Buffer.concat(blocks).subarray(0, length)
  }
}
