/** Values of one quantity. */
export class Sample {
  readonly #sorted: readonly number[]

  constructor(values: readonly number[]) {
    this.#sorted = values.toSorted((a, b) => a - b)
  }

  get median(): number {
    return this.percentile(50)
  }

  /** The least value that so many percent are not above (nearest rank). */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#sorted.length))
    return this.#sorted[rank - 1] ?? Number.NaN
  }
}

/**
 * Measures the sides in turns, A B A B, so that whatever the machine does meanwhile happens to all of them. Each turn gives
 * one value or more.
 */
export async function interleave<Side extends string>(
  rounds: number,
  sides: Readonly<Record<Side, () => Promise<readonly number[]>>>,
  signal: AbortSignal,
): Promise<Readonly<Record<Side, Sample>>> {
  const turns = Object.entries(sides) as [Side, () => Promise<readonly number[]>][]
  const values = new Map<Side, number[]>(turns.map(([side]) => [side, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [side, take] of turns) {
      signal.throwIfAborted()
      values.get(side)?.push(...(await take()))
    }
  }
  return Object.fromEntries([...values].map(([side, taken]) => [side, new Sample(taken)])) as Record<
    Side,
    Sample
  >
}

/** Does something so many times, one after the other. Returns how many milliseconds each took. */
export async function timeEach(count: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index += 1) {
    const began = performance.now()
    await work(index)
    times.push(performance.now() - began)
  }
  return times
}

/** Does something `each` times on each of so many lanes at once. Returns how many were done in a second. */
export async function rateOf(
  lanes: number,
  each: number,
  work: (lane: number, index: number) => Promise<unknown>,
): Promise<number> {
  const began = performance.now()
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let index = 0; index < each; index += 1) await work(lane, index)
    }),
  )
  return (lanes * each * 1000) / (performance.now() - began)
}
