import type { AuditKind } from '../../model/audit.ts'
import type { Failure } from './failure.ts'
import type { KeptCheckpoint } from './kept-checkpoint.ts'
import type { NoteSigner, NoteVerifier } from './note.ts'
import type { OpenMode } from './schema.ts'
import type { FoundRecord } from './search.ts'
import type { Candidate, Committed, Head, SignedCheckpoint } from './store.ts'
import type { Vouched } from './vouching.ts'

/** What the handle asks of the writer's thread. The thread answers each, in order. */
export type Request =
  /** Opens the file; again after a failure, when it must not be behind `known`. */
  | {
      readonly kind: 'open'
      readonly path: string
      readonly boot: string
      readonly mode: OpenMode
      readonly known: Head | undefined
      readonly kept: KeptCheckpoint | undefined
    }
  /** One transaction. `seal` asks for a checkpoint at its end. */
  | {
      readonly kind: 'commit'
      readonly base: number
      readonly candidates: readonly Candidate[]
      readonly seal: boolean
    }
  /**
   * Sets the key that later checkpoints are signed with, or takes it away. `keys` are the public parts of all keys of this agent. Without
   * `vouched` the log is looked at first, and what is doubtful is not signed.
   */
  | {
      readonly kind: 'sign'
      readonly signer: NoteSigner | undefined
      readonly keys: readonly NoteVerifier[]
      readonly vouched: Vouched | undefined
    }
  | { readonly kind: 'nonces'; readonly since: number }
  /** The newest records of one kind, from a time on, at most so many. */
  | { readonly kind: 'records'; readonly of: AuditKind; readonly since: string; readonly most: number }
  /** The last record of one kind, by its place. */
  | { readonly kind: 'latest'; readonly of: AuditKind }
  /** The last record of one kind that was signed when the log was opened, or was written since. */
  | { readonly kind: 'vouched'; readonly of: AuditKind }
  /** The records after one, in their order, at most so many. */
  | { readonly kind: 'after'; readonly seq: number; readonly most: number }
  | { readonly kind: 'close' }

export type Reply =
  | { readonly kind: 'opened'; readonly created: boolean; readonly head: Head }
  | ({ readonly kind: 'committed'; readonly tookMs: number } & Committed)
  | { readonly kind: 'nonces'; readonly nonces: readonly SeenNonce[] }
  /** Canonical JSON, newest first. */
  | { readonly kind: 'records'; readonly texts: readonly string[] }
  | { readonly kind: 'latest'; readonly record: FoundRecord | undefined }
  | {
      readonly kind: 'after'
      /** Hash of the log's first record; undefined while it has none. */
      readonly first: Uint8Array | undefined
      readonly size: number
      readonly records: readonly FoundRecord[]
      /** The newest signed one that covers no record beyond these. */
      readonly checkpoint: SignedCheckpoint | undefined
    }
  /** Undefined while the log is not open. */
  | { readonly kind: 'signing'; readonly vouched: Vouched | undefined }
  /** `isKnown`: there are keys to tell what can be believed. */
  | { readonly kind: 'vouched'; readonly isKnown: boolean; readonly record: FoundRecord | undefined }
  | { readonly kind: 'done' }
  /** What was asked cannot be read. The file stays open, and takes records as before. */
  | { readonly kind: 'unreadable'; readonly failure: Failure }
  /** After this the file is closed, and must be opened again. */
  | { readonly kind: 'failed'; readonly failure: Failure }

/** A nonce that a command in the log was signed with. */
export interface SeenNonce {
  readonly credential: string
  readonly nonce: string
  /** When the signature was made, in whole seconds since 1970. */
  readonly created: number
}

export interface Envelope<Body> {
  readonly id: number
  readonly body: Body
}
