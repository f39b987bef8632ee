import { KeptFile } from '../../../keep/kept-file.ts'

/** How far a log was forwarded. */
export interface Position {
  /** Which log: the hash of its first record, base64. Another log is forwarded from its beginning. */
  readonly log: string
  /** The first record that was not delivered yet. */
  readonly next: number
  /** Hash of the record before that, base64: another there says that the log was put back to an earlier state. */
  readonly last?: string
}

/** Where a position survives a restart and a power cut. */
export type Cursor = KeptFile<Position>

export function cursorFile(path: string): Cursor {
  return new KeptFile(path, json => (isPosition(json) ? json : undefined))
}

function isPosition(json: unknown): json is Position {
  if (typeof json !== 'object' || json === null) return false
  const { log, next, last } = json as { log?: unknown; next?: unknown; last?: unknown }
  const isNumber = typeof next === 'number' && Number.isSafeInteger(next)
  return typeof log === 'string' && isNumber && (last === undefined || typeof last === 'string')
}
