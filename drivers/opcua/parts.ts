import { faultIn } from './status.ts'

/** So many go into one request at most, and fewer where that is more than the server takes. */
const AT_ONCE = 100

/**
 * Sends a list in parts, each no longer than `limit`; `send` is told where its part begins. Resolves with a result for each, in their order;
 * rejects where the server does not answer, or refuses a part. One for which it was too many (not every server says how
 * many it takes, and some say it wrongly) is asked for half as many. That is for questions: what moves something is sent alone, and
 * never again.
 */
export async function inParts<Item, Result>(
  items: readonly Item[],
  limit: number,
  send: (part: readonly Item[], first: number) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  let atOnce = Math.min(AT_ONCE, limit)
  while (results.length < items.length) {
    const first = results.length
    const part = items.slice(first, first + atOnce)
    try {
      // As many as were asked for: another answer would have been none (answer.ts).
      results.push(...(await send(part, first)))
    } catch (error) {
      if (part.length === 1 || faultIn(error)?.name !== 'BadTooManyOperations') throw error
      atOnce = Math.floor(part.length / 2)
    }
  }
  return results
}
