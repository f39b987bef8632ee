import type { Clock, Millis } from '../../model/time.ts'
import type { CheckpointKeeper } from './kept-checkpoint.ts'
import type { OpenMode } from './schema.ts'
import type { SealedCheckpoint } from './store.ts'

/** What the wiring is told when the log stops or starts again to take records, or cannot be read. */
export type AuditTrouble =
  | { readonly kind: 'unwritable'; readonly detail: string; readonly remedy: string }
  | { readonly kind: 'healed'; readonly detail: string }
  /** Something that was asked of it cannot be read; it takes records as before. Told once for each reason. */
  | { readonly kind: 'unreadable'; readonly detail: string; readonly remedy: string }

export interface AuditLogOptions {
  readonly path: string
  /** Which run of the agent this is: random, new at each start. It stands in every record. */
  readonly boot: string
  readonly clock: Clock
  /** `create` makes the log when there is none. */
  readonly mode: OpenMode
  /**
   * Whether a log that cannot be written at the start is handed out all the same: it refuses appends, keeps notes, and opens
   * the file as soon as that goes.
   */
  readonly patient?: boolean
  readonly onTrouble: (trouble: AuditTrouble) => void
  /** Gets every checkpoint after it is durable, to be kept where whoever edits this file cannot reach. */
  readonly onCheckpoint?: (checkpoint: SealedCheckpoint) => void
  /** Keeps the newest signed checkpoint beside the log, and knows the one that was kept before. It is closed with the log. */
  readonly kept?: CheckpointKeeper
  /** Told when something speaks against signing on top of what was found; a record says so too. */
  readonly onDoubt?: (detail: string) => void
  readonly limits?: Partial<AuditLimits>
  /** The writer's module. A test hands in one that fails. */
  readonly writer?: URL
}

export interface AuditLimits {
  /** Most entries that wait. Beyond it notes are counted instead of kept, and appends are answered `unwritable`. */
  readonly queue: number
  /** Most entries in one transaction. */
  readonly batch: number
  /** Time between two tries to write again. */
  readonly retry: Millis
  /** How long a commit may take before the log counts as unwritable. */
  readonly stall: Millis
  /** Longest time that a record waits for a checkpoint. */
  readonly checkpoint: Millis
}

export const LIMITS: AuditLimits = { queue: 4096, batch: 512, retry: 1000, stall: 5000, checkpoint: 60_000 }
