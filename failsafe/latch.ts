import { KeptFile } from '../keep/kept-file.ts'
import type { TripRecord } from '../model/trip.ts'

/** One latched trip as it is kept on disk. `safe` is false while the safe state has not been seen. */
export interface Latch {
  readonly record: TripRecord
  readonly safe: boolean
}

/** What the fail-safe keeps over a restart. */
export interface Kept {
  readonly latches: Readonly<Record<string, Latch>>
  /** Identities whose commands away from safe are refused: why, and over which actuator. */
  readonly suspended: Readonly<Record<string, { readonly reason: string; readonly actuator: string }>>
}

export type LatchFile = KeptFile<Kept>

/** The latch file. When it is there and cannot be understood, nobody knows what is latched: loading it throws. */
export function latchFile(path: string): LatchFile {
  return new KeptFile(path, json => {
    const { latches, suspended } = (json ?? {}) as Partial<Kept>
    return isRecordOf(latches, isLatch) && isRecordOf(suspended, isSuspension)
      ? { latches, suspended }
      : undefined
  })
}

function isLatch(value: Record<string, unknown>): boolean {
  const { cause, detail, at } = (value.record ?? {}) as Partial<TripRecord>
  const isWhole = typeof cause === 'string' && typeof detail === 'string' && typeof at === 'number'
  return isWhole && typeof value.safe === 'boolean'
}

function isSuspension(value: Record<string, unknown>): boolean {
  return typeof value.reason === 'string' && typeof value.actuator === 'string'
}

function isRecordOf<Value>(
  record: Readonly<Record<string, Value>> | undefined,
  isValue: (value: Record<string, unknown>) => boolean,
): record is Readonly<Record<string, Value>> {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return false
  return Object.values(record).every(value => isValue((value ?? {}) as Record<string, unknown>))
}
