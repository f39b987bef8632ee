import type { Millis } from '../../model/time.ts'

/** How PDUs travel: what is put around one so that it reaches its unit, and how one is found in the bytes that come back. */
export interface Framing {
  /** How many requests can be under way at once and still be told apart. */
  readonly inFlightMax: number
  /** Whether an answer names its request, so that a late one cannot be taken for another's. */
  readonly namesRequests: boolean
  /** How long the line must be silent between an answer and the next request. */
  readonly turnaround: Millis
  /** The bytes of a request. Where answers name no request, this is also the only one that is now waited for. */
  frame(number: number, unit: number, pdu: Buffer): Buffer
  /** Takes what came and gives what is whole. */
  accept(bytes: Buffer): Iterable<Arrival>
}

export type Arrival =
  | { readonly kind: 'answer'; readonly number: number; readonly unit: number; readonly pdu: Buffer }
  /** What came can never become a frame. Nothing after it can be trusted either. */
  | { readonly kind: 'nonsense'; readonly reason: string }

/** What may come after a request before the line is given up, in bytes: more than all the answers that can be on their way. */
export const NOISE_MAX = 65_536

/** Request numbers go from 0 to this, and then from 0 again. */
export const NUMBER_MAX = 0xffff
