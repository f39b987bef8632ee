import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** How far a log was forwarded. */
export interface Position {
  /** Which log: the hash of its first record, base64. Another log is forwarded from its beginning. */
  readonly log: string
  /** The first record that was not delivered yet. */
  readonly next: number
  /** Hash of the record before that, base64: another there says that the log was put back to an earlier state. */
  readonly last?: string
}

/** A position that survives a restart and a power cut: one small file, replaced whole. */
export class Cursor {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** The position, or undefined when there is none: then everything is forwarded, as too much is better than too little. */
  load(): Position | undefined {
    try {
      const { log, next, last } = JSON.parse(readFileSync(this.#path, 'utf8')) as Partial<Position>
      if (typeof log !== 'string' || !Number.isSafeInteger(next)) return undefined
      return { log, next: Number(next), ...(typeof last === 'string' ? { last } : {}) }
    } catch {
      return undefined
    }
  }

  /** Keeps a position; durable when it returns. Throws what the file system throws; then the one before stands. */
  save({ log, next, last }: Position): void {
    const fresh = `${this.#path}.new`
    sync(fresh, 'w', `${JSON.stringify({ log, next, last })}\n`)
    renameSync(fresh, this.#path)
    sync(dirname(this.#path), 'r')
  }
}

function sync(path: string, mode: 'r' | 'w', text?: string): void {
  const file = openSync(path, mode, 0o600)
  try {
    if (text !== undefined) writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
