import { seededEntropy } from '../../seeded-entropy.ts'

/** Draws that look random and are the same in every run. */
export class Dice {
  readonly #entropy: (bytes: number) => Uint8Array

  constructor(seed: number) {
    this.#entropy = seededEntropy(`opcua fuzz ${seed}`)
  }

  below(limit: number): number {
    const [high = 0, low = 0] = this.#entropy(2)
    return ((high << 8) | low) % limit
  }

  bytes(count: number): Buffer {
    return Buffer.from(this.#entropy(count))
  }
}
