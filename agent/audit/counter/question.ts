import { Evidence } from '../evidence.ts'
import type { Readable } from '../schema.ts'
import { latestOf } from '../search.ts'
import { compareCounts, countIn, lossWords, rollBackWords } from './comparison.ts'
import type { CounterReading } from './counter.ts'

/** What the TPM's counter says of a log. */
export type CounterVerdict =
  /** The log has every count that the counter has made, signed; `since` is the record of the last one. */
  | { readonly kind: 'bound'; readonly counter: number; readonly since: number }
  /** It was put back to an earlier state; `at` is the record that says so itself, where there is one. */
  | { readonly kind: 'rolled-back'; readonly detail: string; readonly at: number | undefined }
  /** The counter says nothing about this log. */
  | { readonly kind: 'unknown'; readonly detail: string }

/**
 * Compares a log with a counter that was read before: an agent that counts meanwhile puts the log ahead, never the counter. Only records
 * that a signature covers are believed: `signedUpTo` says how many those are, from the file. Throws what SQLite and the file system throw.
 */
export function questionCounter(
  path: string,
  reading: CounterReading,
  signedUpTo: (database: Readable) => number,
): CounterVerdict {
  if (reading.kind === 'unavailable')
    return {
      kind: 'unknown',
      detail: `the TPM's counter cannot be read: ${reading.detail}. ${reading.remedy}`,
    }
  using evidence = Evidence.open(path)
  const { database } = evidence
  const signed = signedUpTo(database)
  const last = latestOf(database, 'log-counted', signed)
  const recorded = countIn(last)
  const found = reading.kind === 'value' ? reading.value : undefined
  switch (compareCounts(recorded, found, 'rolled-back')) {
    case 'rolled-back':
      return { kind: 'rolled-back', detail: rollBackWords(recorded, found ?? 0), at: undefined }
    case 'begins':
    case 'adopted':
    case 'moved':
      return { kind: 'unknown', detail: 'the log has not been bound to a counter of this TPM yet' }
    case 'lost':
      // A log that an agent counts on in this moment is ahead by more than one when it is read later than the counter.
      if (found === undefined || typeof recorded !== 'number' || recorded > found + COUNTS_MEANWHILE)
        return { kind: 'unknown', detail: lossWords(recorded, found) }
      break
    case 'agrees':
    case 'pending':
  }
  const rolledBack = latestOf(database, 'log-rolled-back')
  const restored = latestOf(database, 'log-restored', signed)
  if (rolledBack !== undefined && (restored?.seq ?? -1) < rolledBack.seq)
    return {
      kind: 'rolled-back',
      detail: `record ${rolledBack.seq} says that the log was rolled back before it, and nobody has said that this was meant`,
      at: rolledBack.seq,
    }
  return { kind: 'bound', counter: found ?? 0, since: last?.seq ?? 0 }
}

/** A verification may take an hour, and an agent may be started meanwhile. */
const COUNTS_MEANWHILE = 3
