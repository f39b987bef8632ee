import type { Followed, RecordSource } from './forwarder.ts'

/** Records that cannot be read, with others behind them that can; none where only the one before them cannot be. */
export interface Gap {
  /** The first that cannot be read, and the first behind it that can: the same where the first can be. */
  readonly from: number
  readonly to: number
  /** Hash of the log's first record, base64, and how many records it has. */
  readonly log: string
  readonly size: number
}

/** So many records are looked at one by one: damage is a page or a sector, of some tens of records. Beyond that the steps grow. */
const ONE_BY_ONE = 1024
/** No log is longer. */
const FAR = 2 ** 40

/**
 * Finds where a log can be read again behind a record that cannot be: where a page of its file is damaged, the others are as they were. Resolves
 * with undefined where nothing behind it can be read.
 */
export async function findGap(source: RecordSource, from: number): Promise<Gap | undefined> {
  const itself = await source.recordsAfter(from - 1, 1)
  if (isReadable(itself))
    return itself.log === undefined ? undefined : { from, to: from, log: itself.log, size: itself.size }
  const behind = async (low: number, next: (low: number) => number, high: number) => {
    for (let at = next(low); at <= high; at = next(at)) {
      const found = await source.recordsAfter(at - 1, 1)
      if (isReadable(found)) return { at, found }
      low = at
    }
    return undefined
  }
  const beyond = await behind(from, at => from + Math.max(1, (at - from) * 2), from + FAR)
  if (beyond === undefined) return undefined
  const far = beyond.found.records.length > 0 ? beyond : await lastOf(source, beyond.found.size)
  if (far === undefined) return undefined
  const near = await behind(from, at => at + 1, Math.min(far.at, from + ONE_BY_ONE))
  let { at, found } = near ?? far
  for (let low = near ? at - 1 : from + ONE_BY_ONE; at - low > 1; ) {
    const middle = low + Math.floor((at - low) / 2)
    const looked = await source.recordsAfter(middle - 1, 1)
    if (isReadable(looked)) [at, found] = [middle, looked]
    else low = middle
  }
  const { log, size, records } = found
  const [first] = records
  return first === undefined || log === undefined ? undefined : { from, to: first.seq, log, size }
}

/** The last record, where it can be read. */
async function lastOf(source: RecordSource, size: number) {
  const found = await source.recordsAfter(size - 2, 1)
  return isReadable(found) ? { at: size - 1, found } : undefined
}

function isReadable(found: Followed): found is Extract<Followed, { kind: 'records' }> {
  return found.kind === 'records'
}
