import type { AuditEntry, AuditKind } from '../../../model/audit.ts'
import type { LatestRecord, Sealed } from '../answers.ts'
import type { Appended } from '../queue.ts'
import { type Comparison, compareCounts, countIn, lossWords, rollBackWords } from './comparison.ts'
import type { CounterReading, MonotonicCounter } from './counter.ts'

/** As much of the log as counting takes. */
export interface CountedLog {
  append(entry: AuditEntry): Promise<Appended>
  latest(of: AuditKind): Promise<LatestRecord>
  checkpoint(): Promise<Sealed>
}

export type Counted =
  | {
      readonly kind: 'counted'
      /** Where the counter and the log stand now. */
      readonly counter: number
      /** How they stood before. */
      readonly comparison: Comparison
    }
  /** The counter cannot be asked or moved now. */
  | { readonly kind: 'unavailable'; readonly detail: string; readonly remedy: string }
  /** The log cannot be read or written now. */
  | { readonly kind: 'unwritable'; readonly detail: string }

/** What a comparison finds that somebody must hear of, in words. */
export interface CountListener {
  /** The log was put back to an earlier state. */
  rolledBack(detail: string): void
  /** The counter is behind the log: another TPM, or a cleared one. */
  lost(detail: string): void
}

/**
 * Compares the log with its counter and counts both one on. The count is durable in the log before the counter moves. What is found is
 * told first: that a disk is full or a TPM cannot count keeps it from nobody. `jumpIsKnown`: a counter that is ahead is no news, as the
 * log was begun anew or somebody said that it was restored. Never rejects.
 */
export async function count(
  log: CountedLog,
  counter: MonotonicCounter,
  jumpIsKnown: boolean,
  listener: CountListener,
): Promise<Counted> {
  const last = await log.latest('log-counted')
  if (last.kind === 'unreadable') return { kind: 'unwritable', detail: last.detail }
  const reading = await counter.read()
  if (reading.kind === 'unavailable') return reading
  const recorded = countIn(last.record)
  const found = reading.kind === 'value' ? reading.value : undefined
  const comparison = compareCounts(recorded, found, jumpIsKnown)
  if (comparison === 'rolled-back' && found !== undefined) {
    const detail = rollBackWords(recorded, found)
    listener.rolledBack(detail)
    const before = typeof recorded === 'number' ? recorded : null
    const entry: AuditEntry = { kind: 'log-rolled-back', counter: found, counter_recorded: before, detail }
    const told = await log.append(entry)
    if (told.kind === 'unwritable') return told
  } else if (comparison === 'lost') listener.lost(lossWords(recorded, found))
  const moved = await move(log, counter, found, comparison === 'pending')
  if (moved.kind !== 'value') return moved
  await log.checkpoint()
  return { kind: 'counted', counter: moved.value, comparison }
}

type Moved =
  | Extract<CounterReading, { kind: 'value' | 'unavailable' }>
  | { readonly kind: 'unwritable'; readonly detail: string }

async function move(
  log: CountedLog,
  counter: MonotonicCounter,
  found: number | undefined,
  isWritten: boolean,
): Promise<Moved> {
  const write = (value: number | null) =>
    log.append({ kind: 'log-counted', counter: value, counter_index: counter.index })
  const next = found === undefined ? null : found + 1
  if (!isWritten) {
    const written = await write(next)
    if (written.kind === 'unwritable') return written
  }
  const reading = await (next === null ? counter.begin() : counter.increment())
  if (reading.kind === 'unavailable') return reading
  if (reading.kind !== 'value')
    return { kind: 'unavailable', detail: GONE, remedy: 'it is tried again by itself' }
  if (next !== null) return reading
  const written = await write(reading.value)
  return written.kind === 'unwritable' ? written : reading
}

const GONE = "the TPM's counter was taken away while it was used"
