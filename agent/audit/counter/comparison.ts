import type { FoundRecord } from '../search.ts'
import { parseRecord } from '../words.ts'

/** The last count in a log: a number; `beginning` when the counter was about to be begun; undefined when there is none. */
export type RecordedCount = number | 'beginning' | undefined

/**
 * What a log and its counter say of each other. The log is always one ahead for a moment: the count is durable in the log
 * before the counter moves, so that a power cut in between is not taken for a roll-back.
 *
 * - `agrees`: the log has every count that the counter has made.
 * - `pending`: the last count is in the log, and the counter did not come to it.
 * - `begins`: neither has counted.
 * - `adopted`: the counter is ahead and that is known: the log was begun anew, or somebody has said that it was restored.
 * - `rolled-back`: the counter has made counts that the log does not have.
 * - `lost`: the log has counts that the counter has not made: it is another TPM's, or the TPM was cleared.
 */
export type Comparison = 'agrees' | 'pending' | 'begins' | 'adopted' | 'rolled-back' | 'lost'

/** Compares the log's last count with where the counter stands, undefined when it has never counted. */
export function compareCounts(
  recorded: RecordedCount,
  found: number | undefined,
  jumpIsKnown: boolean,
): Comparison {
  if (found === undefined) return typeof recorded === 'number' ? 'lost' : 'begins'
  // Begun, and ended before its first count was written down.
  if (recorded === 'beginning') return 'adopted'
  if (recorded === undefined) return jumpIsKnown ? 'adopted' : 'rolled-back'
  if (found > recorded) return jumpIsKnown ? 'adopted' : 'rolled-back'
  if (found === recorded) return 'agrees'
  return found === recorded - 1 ? 'pending' : 'lost'
}

/** The count that a record `log-counted` is of. */
export function countIn(record: FoundRecord | undefined): RecordedCount {
  if (record === undefined) return undefined
  const { counter } = parseRecord(record.text)
  return typeof counter === 'number' ? counter : 'beginning'
}

/** What a roll-back looks like, in words. */
export function rollBackWords(recorded: RecordedCount, found: number): string {
  const last =
    typeof recorded === 'number' ? `the last count in the log is ${recorded}` : 'the log has no count at all'
  return `${last}, and the TPM's counter stands at ${found}: the log was put back to an earlier state, so records are missing that were there (or something else than this gateway's agent moved the counter)`
}

/** What a counter that is behind its log means, in words. */
export function lossWords(recorded: RecordedCount, found: number | undefined): string {
  const there = found === undefined ? 'this TPM has no such counter' : `the TPM's counter stands at ${found}`
  return `the last count in the log is ${recorded}, and ${there}: the TPM was cleared, replaced or put back to an earlier state, so whether the log was rolled back before now cannot be told`
}
