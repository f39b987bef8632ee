import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
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

export const NOTHING_KEPT: Kept = { latches: {}, suspended: {} }

/**
 * The latch file: small, apart from the audit log, so that a full or broken log does not take the latches with it.
 * Written whole, to a new file that then takes the old one's place; a power cut leaves the one or the other.
 */
export class LatchFile {
  readonly #path: string
  #wanted: Kept | undefined
  #writing: Promise<void> | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Reads what was kept. Throws when the file is there and unreadable: then nobody knows what is latched. */
  async load(): Promise<Kept> {
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING_KEPT
      throw error
    }
    const kept = JSON.parse(text) as Partial<Kept>
    if (typeof kept.latches !== 'object' || typeof kept.suspended !== 'object')
      throw new SyntaxError('not a latch file')
    return { latches: kept.latches, suspended: kept.suspended }
  }

  /** Writes what is to be kept; resolves when the newest state handed in is durable. Rejects when the disk will not have it. */
  save(kept: Kept): Promise<void> {
    this.#wanted = kept
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #write(): Promise<void> {
    while (this.#wanted) {
      const kept = this.#wanted
      this.#wanted = undefined
      const temporary = `${this.#path}.new`
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
      await using file = await open(temporary, 'w', 0o600)
      await file.writeFile(JSON.stringify(kept))
      await file.sync()
      await rename(temporary, this.#path)
      await using folder = await open(dirname(this.#path), 'r')
      await folder.sync()
    }
  }
}
