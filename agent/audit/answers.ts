import type { SeenNonce } from './messages.ts'
import type { FoundRecord } from './search.ts'
import type { SealedCheckpoint } from './store.ts'

/** How the log is doing. */
export interface AuditState {
  /** Records that are durable. */
  readonly size: number
  /** Entries that are not yet. */
  readonly queue: number
  /** How long the last commit took, with its fsync; undefined before the first. */
  readonly lastCommitMs: number | undefined
  /** Why the log takes no records now; absent when it does. */
  readonly unwritable?: string
}

export type Sealed =
  | ({ readonly kind: 'sealed' } & SealedCheckpoint)
  | { readonly kind: 'unwritable'; readonly detail: string }

export type RecentNonces =
  | { readonly kind: 'nonces'; readonly nonces: readonly SeenNonce[] }
  | { readonly kind: 'unreadable'; readonly detail: string }

export type FoundRecords =
  /** Canonical JSON, newest first. */
  | { readonly kind: 'records'; readonly texts: readonly string[] }
  | { readonly kind: 'unreadable'; readonly detail: string }

/** The same of records that can be believed; `unsigned` while there is no key to tell. */
export type VouchedRecord = LatestRecord | { readonly kind: 'unsigned' }

export type LatestRecord =
  /** Undefined when there is none of that kind. */
  | { readonly kind: 'latest'; readonly record: FoundRecord | undefined }
  | { readonly kind: 'unreadable'; readonly detail: string }
