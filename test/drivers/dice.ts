import { seededEntropy } from '../seeded-entropy.ts'

/** Chance that is the same for the same seed. */
export class Dice {
  readonly #entropy: (bytes: number) => Uint8Array

  constructor(seed: number) {
    this.#entropy = seededEntropy(`fuzz ${seed}`)
  }

  below(limit: number): number {
    const [high = 0, low = 0] = this.#entropy(2)
    return ((high << 8) | low) % limit
  }

  bytes(count: number): Buffer {
    return Buffer.from(this.#entropy(count))
  }

  one<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to choose from')
    return item
  }
}
