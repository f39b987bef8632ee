import type { Millis } from '../../model/time.ts'
import type { Failure } from './failure.ts'
import type { AuditLogOptions } from './options.ts'
import type { SealedCheckpoint } from './store.ts'

type Callbacks = Pick<AuditLogOptions, 'onTrouble' | 'onCheckpoint' | 'onDoubt' | 'kept'>

/** Whoever wants to know how the log is doing. Their mistake must not keep the next record from the disk. */
export class LogListeners {
  readonly #callbacks: Callbacks
  readonly #ofCommits: ((took: Millis) => void)[] = []
  #lastCommitMs: Millis | undefined
  #unreadable: string | undefined

  constructor(callbacks: Callbacks) {
    this.#callbacks = callbacks
  }

  /** Calls back after each commit with how long the disk took. */
  onCommit(listener: (took: Millis) => void): void {
    this.#ofCommits.push(listener)
  }

  /** How long the disk took for the last commit. */
  get lastCommitMs(): Millis | undefined {
    return this.#lastCommitMs
  }

  committed(took: Millis): void {
    this.#lastCommitMs = took
    for (const listener of this.#ofCommits) tell(() => listener(took))
  }

  unwritable({ detail, remedy }: Failure): void {
    tell(() => this.#callbacks.onTrouble({ kind: 'unwritable', detail, remedy }))
  }

  /** The log takes records again; `failure` is why it did not. */
  healed(failure: Failure): void {
    const detail = `the audit log takes records again (it did not: ${failure.detail})`
    tell(() => this.#callbacks.onTrouble({ kind: 'healed', detail }))
  }

  /** A question failed. Whoever asks it every minute has it told once. */
  unreadable({ detail, remedy }: Failure): void {
    if (this.#unreadable === detail) return
    this.#unreadable = detail
    tell(() => this.#callbacks.onTrouble({ kind: 'unreadable', detail, remedy }))
  }

  /** A checkpoint is durable. */
  sealed(checkpoint: SealedCheckpoint): void {
    const { note } = checkpoint
    if (note !== undefined) tell(() => this.#callbacks.kept?.keep(note))
    tell(() => this.#callbacks.onCheckpoint?.(checkpoint))
  }

  /** Something speaks against what was found in the file. */
  doubted(detail: string): void {
    tell(() => this.#callbacks.onDoubt?.(detail))
  }
}

function tell(listener: () => void): void {
  try {
    listener()
  } catch {
    // The listener is wiring; what it failed at is not the log's to handle.
  }
}
