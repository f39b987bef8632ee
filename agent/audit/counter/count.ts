import type { AuditEntry, AuditKind } from '../../../model/audit.ts'
import type { LatestRecord, Sealed, VouchedRecord } from '../answers.ts'
import type { Appended } from '../queue.ts'
import {
  type Comparison,
  compareCounts,
  countIn,
  type Jump,
  lossWords,
  movedWords,
  type RecordedCount,
  rollBackWords,
} from './comparison.ts'
import type { CounterReading, MonotonicCounter } from './counter.ts'

/** As much of the log as counting takes. */
export interface CountedLog {
  append(entry: AuditEntry): Promise<Appended>
  latest(of: AuditKind): Promise<LatestRecord>
  /** The same of records that can be believed. */
  vouched(of: AuditKind): Promise<VouchedRecord>
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
  /** There is no key to sign a count with: the counter stays where it is. */
  | { readonly kind: 'unsigned' }
  /** The log cannot be read or written now. */
  | { readonly kind: 'unwritable'; readonly detail: string }

/** What a comparison finds that somebody must hear of, in words. */
export interface CountListener {
  /** The log was put back to an earlier state. */
  rolledBack(detail: string): void
  /** Something else moved the counter while this run had the log. */
  moved(detail: string): void
  /** The counter is behind the log: another TPM, or a cleared one. */
  lost(detail: string): void
}

/**
 * Compares the log with its counter and counts both one on. The count is in the log and signed before the counter moves: an end at any
 * moment leaves a log that is one ahead, and a count that nobody of ours signed is passed over. What is found is told first: that a disk
 * is full or a TPM cannot count keeps it from nobody. `jump` is what a counter that is ahead means. Never rejects.
 */
export async function count(
  log: CountedLog,
  counter: MonotonicCounter,
  jump: Jump,
  listener: CountListener,
): Promise<Counted> {
  const vouched = await log.vouched('log-counted')
  // Without a key an intruder's count would be believed, which hides a roll-back until there is one, and makes none up.
  const last = vouched.kind === 'unsigned' ? await log.latest('log-counted') : vouched
  if (last.kind === 'unreadable') return { kind: 'unwritable', detail: last.detail }
  const reading = await counter.read()
  if (reading.kind === 'unavailable') return reading
  const recorded = countIn(last.record)
  const found = reading.kind === 'value' ? reading.value : undefined
  const comparison = compareCounts(recorded, found, jump)
  if (found !== undefined) tell(comparison, recorded, found, listener)
  else if (comparison === 'lost') listener.lost(lossWords(recorded, found))
  if (vouched.kind === 'unsigned') return { kind: 'unsigned' }
  if (comparison === 'rolled-back' && found !== undefined) {
    const before = typeof recorded === 'number' ? recorded : null
    const detail = rollBackWords(recorded, found)
    const entry: AuditEntry = { kind: 'log-rolled-back', counter: found, counter_recorded: before, detail }
    const told = await log.append(entry)
    if (told.kind === 'unwritable') return told
  }
  const moved = await move(log, counter, reading, comparison === 'pending')
  return moved.kind === 'value' ? { kind: 'counted', counter: moved.value, comparison } : moved
}

function tell(comparison: Comparison, recorded: RecordedCount, found: number, listener: CountListener): void {
  if (comparison === 'rolled-back') listener.rolledBack(rollBackWords(recorded, found))
  if (comparison === 'moved') listener.moved(movedWords(recorded, found))
  if (comparison === 'lost') listener.lost(lossWords(recorded, found))
}

type Moved =
  | Extract<CounterReading, { kind: 'value' | 'unavailable' }>
  | Exclude<Counted, { kind: 'counted' | 'unavailable' }>

async function move(
  log: CountedLog,
  counter: MonotonicCounter,
  found: Exclude<CounterReading, { kind: 'unavailable' }>,
  isWritten: boolean,
): Promise<Moved> {
  const write = (value: number) =>
    sign(log, { kind: 'log-counted', counter: value, counter_index: counter.index })
  const next = found.kind === 'value' ? found.value + 1 : undefined
  if (!isWritten) {
    const unwritten = next === undefined ? await announce(log, counter, found) : await write(next)
    if (unwritten !== undefined) return unwritten
  }
  const reading = await (next === undefined ? counter.begin() : counter.increment())
  if (reading.kind === 'unavailable') return reading
  if (reading.kind !== 'value')
    return { kind: 'unavailable', detail: GONE, remedy: 'it is tried again by itself' }
  // One that was begun, or that something else moved meanwhile.
  const unwritten = reading.value === next ? undefined : await write(reading.value)
  return unwritten ?? reading
}

/** Says that the counter is about to be begun, and where it will stand. Of one that its owner made, nobody can say that before. */
async function announce(
  log: CountedLog,
  counter: MonotonicCounter,
  found: Exclude<CounterReading, { kind: 'unavailable' }>,
): Promise<Exclude<Moved, { kind: 'value' }> | undefined> {
  const entry: AuditEntry = { kind: 'log-counted', counter: null, counter_index: counter.index }
  if (found.kind !== 'absent') return await sign(log, entry)
  const first = await counter.first()
  if (first.kind === 'unavailable') return first
  return await sign(log, first.kind === 'value' ? { ...entry, counter_first: first.value } : entry)
}

/** Records an entry and signs it. Returns why that cannot be done now, or nothing. */
async function sign(
  log: CountedLog,
  entry: AuditEntry,
): Promise<
  { readonly kind: 'unwritable'; readonly detail: string } | { readonly kind: 'unsigned' } | undefined
> {
  const written = await log.append(entry)
  if (written.kind === 'unwritable') return written
  const sealed = await log.checkpoint()
  if (sealed.kind === 'unwritable') return sealed
  return sealed.note === undefined ? { kind: 'unsigned' } : undefined
}

const GONE = "the TPM's counter was taken away while it was used"
