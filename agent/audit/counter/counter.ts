/** Where a counter stands, or why that cannot be said. */
export type CounterReading =
  | { readonly kind: 'value'; readonly value: number }
  /** There is no such counter. */
  | { readonly kind: 'absent' }
  /** There is one, and it has never counted. */
  | { readonly kind: 'unused' }
  | { readonly kind: 'unavailable'; readonly detail: string; readonly remedy: string }

/** A counter outside of the disk that nobody can set back: the TPM's. Nothing here rejects. */
export interface MonotonicCounter {
  /** Which one it is: the TPM's NV index. */
  readonly index: string
  read(): Promise<CounterReading>
  /** Counts one on, and says where it stands then. */
  increment(): Promise<CounterReading>
  /** Where one that is begun next begins; leaves none behind. For when there is none. */
  first(): Promise<CounterReading>
  /** The same as `increment` for one that may not be there yet. */
  begin(): Promise<CounterReading>
}
