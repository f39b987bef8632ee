/**
 * Seeded chance: the same seed and name give the same numbers on every run and every machine. Each user has a stream of
 * its own, by name, so that one sensor more does not change what another one shows.
 *
 * The generator is sfc32 (PractRand's "small fast counting", 128 bits of state), seeded by FNV-1a over the name. It is
 * not for secrets.
 */
export class Chance {
  readonly #state: Uint32Array
  /** The second of a pair of normal deviates, kept for the next call. */
  #spare: number | undefined

  constructor(seed: number, name: string) {
    let hash = 0x811c9dc5
    for (const code of new TextEncoder().encode(`${seed} ${name}`)) hash = Math.imul(hash ^ code, 0x01000193)
    this.#state = Uint32Array.of(seed, hash, hash ^ 0x9e3779b9, 1)
    // What the seed leaves alike in two streams is mixed away.
    for (let i = 0; i < 15; i++) this.next()
  }

  /** The next number from 0 up to, but not, 1: 32 bits of it. */
  next(): number {
    const [a = 0, b = 0, c = 0, counter = 0] = this.#state
    const sum = (a + b + counter) >>> 0
    this.#state.set([b ^ (b >>> 9), c + (c << 3), ((c << 21) | (c >>> 11)) + sum, counter + 1])
    return sum / 0x1_0000_0000
  }

  /** The next deviate of the normal distribution with mean 0 and standard deviation 1 (Box and Muller). */
  normal(): number {
    const spare = this.#spare
    if (spare !== undefined) {
      this.#spare = undefined
      return spare
    }
    // 1 - next() is never 0, whose logarithm is none.
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()))
    const angle = 2 * Math.PI * this.next()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}
