import { KeptFile, NewerKept } from '../../keep/kept-file.ts'
import type { Clock, Millis } from '../../model/time.ts'
import { AuditFailure } from './failure.ts'

/** The newest signed checkpoint of a log, as it was kept beside it: nothing in it is known to be genuine. */
export type KeptCheckpoint =
  | { readonly kind: 'note'; readonly note: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly detail: string }
  /** It is not asked for: the log is begun now, or somebody took it upon himself that the log is the right one. */
  | { readonly kind: 'waived' }

/** What the keeper of a checkpoint has to say. */
export interface KeptCheckpointListener {
  /** The disk does not take it; said once for each reason. */
  unkept(detail: string): void
  kept(): void
}

/** A file is replaced at most so often: under load there are a thousand checkpoints a second, and the log's own commits wait for the same disk. */
const EVERY: Millis = 1000

/** The file beside a log at `path` that its newest signed checkpoint is kept in. */
export function keptCheckpointPath(path: string): string {
  return `${path}-checkpoint`
}

/**
 * Keeps the newest signed checkpoint of a log outside of the log, where the next start finds it: what is signed on top of the log must
 * have that one for its beginning. It is written after the log has it, so an end at any moment leaves one that the log has.
 */
export class CheckpointKeeper implements AsyncDisposable {
  /** What was kept when this was opened. */
  readonly found: KeptCheckpoint
  readonly #file: KeptFile<string>
  readonly #clock: Clock
  readonly #listener: KeptCheckpointListener
  readonly #stop = new AbortController()
  #wanted: string | undefined
  #running: Promise<void> | undefined
  #trouble: string | undefined

  private constructor(
    file: KeptFile<string>,
    found: KeptCheckpoint,
    clock: Clock,
    listener: KeptCheckpointListener,
  ) {
    this.#file = file
    this.found = found
    this.#clock = clock
    this.#listener = listener
  }

  /** Reads what is kept of the log at `path`; with `waived` nobody asks for it. Throws AuditFailure when a newer holdfast wrote it. */
  static async open(
    path: string,
    clock: Clock,
    listener: KeptCheckpointListener,
    waived = false,
  ): Promise<CheckpointKeeper> {
    const file = new KeptFile(keptCheckpointPath(path), noteIn)
    const found = waived ? ({ kind: 'waived' } as const) : await read(file)
    return new CheckpointKeeper(file, found, clock, listener)
  }

  /** Keeps this one from now on. Returns at once. */
  keep(note: string): void {
    this.#wanted = note
    this.#running ??= this.#run()
  }

  /** Writes what is still to be written, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    if (this.#wanted !== undefined) await this.#write()
  }

  async #run(): Promise<void> {
    while (this.#wanted !== undefined && !this.#stop.signal.aborted) {
      await this.#write()
      await this.#clock.sleep(EVERY, this.#stop.signal)
    }
    this.#running = undefined
  }

  async #write(): Promise<void> {
    const note = this.#wanted
    if (note === undefined) return
    try {
      await this.#file.save(note)
      if (this.#wanted === note) this.#wanted = undefined
      if (this.#trouble !== undefined) this.#listener.kept()
      this.#trouble = undefined
    } catch (error) {
      const detail = `${this.#file.path}: ${(error as Error).message}`
      if (this.#trouble !== detail) this.#listener.unkept(detail)
      this.#trouble = detail
    }
  }
}

/** Reads the checkpoint that is kept of the log at `path`. Throws AuditFailure when a newer holdfast wrote it. */
export function loadKeptCheckpoint(path: string): Promise<KeptCheckpoint> {
  return read(new KeptFile(keptCheckpointPath(path), noteIn))
}

async function read(file: KeptFile<string>): Promise<KeptCheckpoint> {
  try {
    const note = await file.load()
    return note === undefined ? { kind: 'missing' } : { kind: 'note', note }
  } catch (error) {
    const detail = `${file.path}: ${(error as Error).message}`
    if (error instanceof NewerKept)
      throw new AuditFailure({ kind: 'foreign', detail, remedy: 'run the newer holdfast' })
    return { kind: 'unreadable', detail }
  }
}

function noteIn(json: unknown): string | undefined {
  return typeof json === 'string' ? json : undefined
}
