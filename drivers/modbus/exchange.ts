import type { Millis, MonotonicMs } from '../../model/time.ts'
import type { Fits } from './owed.ts'

/** What is asked. A `safe` one is part of a write towards the safe state, a `look` a read that confirms one. */
export type ExchangeKind = 'safe' | 'look' | 'write' | 'read'

/** Who is asked. */
export interface Addressee {
  /** Unit identifier, 0 to 255. */
  readonly unit: number
  /** How long it may take to answer, from when it is asked. */
  readonly timeout: Millis
}

/** A request on its way: it waits for its turn, is sent, and ends once. */
export interface Exchange extends Addressee {
  readonly kind: ExchangeKind
  /**
   * Of what is towards the safe state: what has its turns, within its unit, and after each lets somebody else go. Undefined where it goes on
   * with something that has had its turn.
   */
  readonly turnOf: string | undefined
  /** Called when its turn has come, with the PDU to send as its answer; undefined when it is not needed any more. */
  request(): Buffer | undefined
  /** Whether a PDU can be the answer to what was sent. */
  readonly fits: Fits
  ended(end: ExchangeEnd): void
}

export type ExchangeEnd =
  /** `sent` is when the request went out. */
  | { readonly kind: 'answered'; readonly pdu: Buffer; readonly sent: MonotonicMs }
  /** No byte was sent. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Sent, and no answer came that can be believed. */
  | { readonly kind: 'unanswered'; readonly reason: string }

export function isRead({ kind }: Exchange): boolean {
  return kind === 'read' || kind === 'look'
}

/** Whether it makes the plant safe, or confirms that. */
export function isTowardsSafe({ kind }: Exchange): boolean {
  return kind === 'safe' || kind === 'look'
}
