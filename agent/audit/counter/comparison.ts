import type { FoundRecord } from '../search.ts'
import { parseRecord } from '../words.ts'

/**
 * The last count in a log that can be believed: a number; that the counter was about to be begun, and at which number where that was known;
 * undefined when there is none.
 */
export type RecordedCount = number | { readonly first: number | undefined } | undefined

/**
 * What a counter that is ahead of its log means: that the log was put back, unless it is `adopted` (the log was begun anew, or somebody has
 * said that it was restored) or `moved` (by another: this run has the whole log).
 */
export type Jump = 'rolled-back' | 'adopted' | 'moved'

/**
 * What a log and its counter say of each other. The log is always one ahead for a moment: the count is in the log and signed
 * before the counter moves, so that a power cut in between is not taken for a roll-back, and a count that is not signed is none.
 *
 * - `agrees`: the log has every count that the counter has made.
 * - `pending`: the last count is in the log, and the counter did not come to it.
 * - `begins`: neither has counted.
 * - `adopted`: the counter is ahead and that is known: the log was begun anew, or somebody has said that it was restored.
 * - `moved`: the counter is ahead though this run has every record: something else moved it.
 * - `rolled-back`: the counter has made counts that the log does not have.
 * - `lost`: the log has counts that the counter has not made: it is another TPM's, or the TPM was cleared.
 */
export type Comparison = 'agrees' | 'pending' | 'begins' | Jump | 'lost'

/** Compares the log's last count with where the counter stands, undefined when it has never counted. */
export function compareCounts(recorded: RecordedCount, found: number | undefined, jump: Jump): Comparison {
  if (found === undefined) return typeof recorded === 'number' ? 'lost' : 'begins'
  if (recorded === undefined) return jump
  // Begun, and ended before its first count was signed: a new counter stands where it was to begin, and nowhere else.
  if (typeof recorded !== 'number') return found === recorded.first ? 'agrees' : jump
  if (found > recorded) return jump
  if (found === recorded) return 'agrees'
  return found === recorded - 1 ? 'pending' : 'lost'
}

/** The count that a record `log-counted` is of. */
export function countIn(record: FoundRecord | undefined): RecordedCount {
  if (record === undefined) return undefined
  const { counter, counter_first } = parseRecord(record.text)
  if (typeof counter === 'number') return counter
  return { first: typeof counter_first === 'number' ? counter_first : undefined }
}

/** What a roll-back looks like, in words. */
export function rollBackWords(recorded: RecordedCount, found: number): string {
  const last =
    typeof recorded === 'number'
      ? `the last count in the log is ${recorded}`
      : 'the log has no count that is signed'
  return `${last}, and the TPM's counter stands at ${found}: the log was put back to an earlier state, so records are missing that were there (or something else than this gateway's agent moved the counter)`
}

/** What it looks like when something else moves the counter, in words. */
export function movedWords(recorded: RecordedCount, found: number): string {
  return `this run counted to ${String(recorded)}, and the TPM's counter stands at ${found}: something else moved it; no record is missing`
}

/** What a counter that is behind its log means, in words. */
export function lossWords(recorded: RecordedCount, found: number | undefined): string {
  const there = found === undefined ? 'this TPM has no such counter' : `the TPM's counter stands at ${found}`
  return `the last count in the log is ${String(recorded)}, and ${there}: the TPM was cleared, replaced or put back to an earlier state, so whether the log was rolled back before now cannot be told`
}
