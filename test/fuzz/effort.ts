const RUNS = readNumber('HOLDFAST_FUZZ_RUNS', 5000)
const SEED = readNumber('HOLDFAST_FUZZ_SEED', 20_261_101)

/**
 * How long a property is fuzzed: a number of runs, never a time, from one seed, so that every run of the tests does the same.
 * HOLDFAST_FUZZ_RUNS asks for more, HOLDFAST_FUZZ_SEED for others. `share` is for what costs more than most.
 */
export function effort(share = 1): { readonly numRuns: number; readonly seed: number } {
  return { numRuns: Math.max(1, Math.round(RUNS * share)), seed: SEED }
}

function readNumber(name: string, otherwise: number): number {
  const text = process.env[name]
  if (text === undefined) return otherwise
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new Error(`${name}=${text}: expected a whole number from 1`)
  return Number(text)
}
