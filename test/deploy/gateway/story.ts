import { after, before, test } from 'node:test'

/** Somebody may ask for a hundred power cuts. */
const CHAPTER_MS = 6 * 3_600_000

export type Chapter = (promise: string, tell: () => Promise<void>) => void

/**
 * Tests that are one story in order, on a machine that `begin` makes before the first and `end` takes away after the last. Where this host can
 * have no such machine, which `cannot` says, nothing is made; each test is then counted as skipped, with that reason beside it.
 */
export function story(
  cannot: string | undefined,
  begin: () => Promise<void>,
  end: () => Promise<void>,
): Chapter {
  if (cannot === undefined) {
    before(begin, { timeout: CHAPTER_MS })
    after(end, { timeout: CHAPTER_MS })
  }
  const options = { timeout: CHAPTER_MS, skip: cannot === undefined ? false : `NOT TESTED: ${cannot}` }
  return (promise, tell) => void test(promise, options, tell)
}
