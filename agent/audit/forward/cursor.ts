import { KeptFile } from '../../../keep/kept-file.ts'

/** How far a log was forwarded. */
export interface Position {
  /** Which log: the hash of its first record, base64. Another log is forwarded from its beginning. */
  readonly log: string
  /** The first record that was not delivered yet. */
  readonly next: number
  /** Hash of the record before that, base64: another there says that the log was put back to an earlier state. */
  readonly last?: string
  /** Size of the newest checkpoint that was delivered. */
  readonly checkpoint?: number
}

/** Where a position survives a restart and a power cut. */
export type Cursor = KeptFile<Position>

export function cursorFile(path: string): Cursor {
  return new KeptFile(path, json => (isPosition(json) ? json : undefined))
}

function isPosition(json: unknown): json is Position {
  if (typeof json !== 'object' || json === null) return false
  const { log, next, last, checkpoint } = json as { readonly [member in keyof Position]?: unknown }
  const isRest = last === undefined || typeof last === 'string'
  return (
    typeof log === 'string' && isCount(next) && isRest && (checkpoint === undefined || isCount(checkpoint))
  )
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value)
}
