import type { AuditEntry } from '../../model/audit.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { Reply, Request } from './messages.ts'
import { type NoteSigner, type NoteVerifier, verifierOf } from './note.ts'
import type { Appended } from './queue.ts'
import type { Crashed } from './thread.ts'
import type { Vouched } from './vouching.ts'

/** What taking up a key has the log do. */
export interface SigningParts {
  ask(request: Request): Promise<Reply | Crashed>
  append(entry: AuditEntry): Promise<Appended>
  /** Makes a checkpoint of everything that was handed in so far. */
  seal(): void
  /** Something speaks against signing on top of what was found. It is said once, and then written down. */
  doubted(detail: string): void
  readonly clock: Clock
  /** Time between two tries to write it down. */
  readonly retry: Millis
  /** Aborted when the log is closed. */
  readonly closing: AbortSignal
}

/**
 * The key that a log's checkpoints are signed with. Before its first signature of a run the log that was found is looked at: where
 * something speaks against it, the log says so in a record (`log-unproven`) that the first signature covers.
 */
export class Signing {
  readonly #parts: SigningParts
  #signer: NoteSigner | undefined
  #keys: readonly NoteVerifier[] = []
  #vouched: Vouched | undefined
  #isAdmitting = false

  constructor(parts: SigningParts) {
    this.#parts = parts
  }

  /** Takes up a key, whose public part and those of `earlier` generations say what is ours; or takes it away. Nothing that is handed in later is signed by another. */
  async take(signer: NoteSigner | undefined, earlier: readonly NoteVerifier[]): Promise<void> {
    this.#signer = signer
    this.#keys = signer === undefined ? [] : [verifierOf(signer), ...earlier]
    await this.again()
  }

  /** The same key for a file that was opened anew. */
  async again(): Promise<void> {
    const reply = await this.#ask()
    if (reply.kind !== 'signing' || reply.vouched === undefined) return
    const { vouched } = reply
    if (this.#vouched === undefined && vouched.doubt !== undefined) void this.#admit(vouched, vouched.doubt)
    else this.#vouched = vouched
  }

  #ask(): Promise<Reply | Crashed> {
    return this.#parts.ask({
      kind: 'sign',
      signer: this.#signer,
      keys: this.#keys,
      vouched: this.#vouched,
    })
  }

  async #admit(vouched: Vouched, detail: string): Promise<void> {
    if (this.#isAdmitting) return
    this.#isAdmitting = true
    const { append, clock, closing, doubted, retry, seal } = this.#parts
    doubted(detail)
    const entry: AuditEntry = {
      kind: 'log-unproven',
      proven_to: vouched.upTo,
      unproven_to: vouched.size,
      detail,
    }
    while ((await append(entry)).kind !== 'durable') {
      if (closing.aborted) return
      await clock.sleep(retry, closing)
    }
    this.#vouched = vouched
    await this.#ask()
    seal()
  }
}
