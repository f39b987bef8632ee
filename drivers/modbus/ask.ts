import type { MonotonicMs } from '../../model/time.ts'
import type { WriteResult } from '../driver.ts'
import type { GivenUp, Patience } from './deadlines.ts'
import type { Addressee, Exchange, ExchangeEnd, ExchangeKind } from './exchange.ts'
import type { Line } from './line.ts'
import type { ModbusLink } from './link.ts'
import { isAnswer, type Question, understand } from './pdu.ts'

/** How something is asked. */
export interface Manner {
  readonly kind: ExchangeKind
  /** See `Exchange`. */
  readonly turnOf: string | undefined
  readonly patience: Patience
  /** Called when its turn has come, before it is sent. */
  readonly onSent?: (() => void) | undefined
}

export type Asked =
  /** `sent` is when the device was asked. */
  | { readonly kind: 'data'; readonly data: Buffer; readonly sent: MonotonicMs }
  | { readonly kind: 'exception'; readonly code: number; readonly reason: string }
  /** No byte was sent. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Sent, and no answer came that can be believed. */
  | { readonly kind: 'unanswered'; readonly reason: string }

/**
 * Asks a unit one question, once, and waits for its answer, the connection's end or the end of patience, whichever comes first. What is
 * towards the safe state and was sent has all the unit's time for its answer.
 */
export async function ask(
  link: ModbusLink,
  to: Addressee,
  { kind, turnOf, patience, onSent }: Manner,
  question: Question,
): Promise<Asked> {
  const { line } = link
  if (!('start' in line)) return { kind: 'unreachable', reason: line.trouble }
  if (link.deadlines.isOver(patience)) return { kind: 'unreachable', reason: GIVEN_UP_BEFORE }
  return await new Promise(resolve => {
    const exchange: Exchange = {
      kind,
      turnOf,
      unit: to.unit,
      timeout: to.timeout,
      request: () => {
        onSent?.()
        return question.request
      },
      fits: pdu => isAnswer(question, pdu),
      ended: end => {
        wait.end()
        resolve(meaningOf(end, question, line, to))
      },
    }
    const giveUp = (why: GivenUp) => {
      const left = why === 'late' ? line.patienceWith(exchange) : 0
      if (left > 0) wait = link.deadlines.watch(link.deadlines.from(left, patience.stop), giveUp)
      else resolve(givenUp(line.giveUp(exchange, why), why))
    }
    let wait = link.deadlines.watch(patience, giveUp)
    line.start(exchange)
  })
}

/** What the end of an exchange means for its question. A unit that answers nonsense is not trusted further. */
export function meaningOf(end: ExchangeEnd, question: Question, line: Line, from: Addressee): Asked {
  if (end.kind !== 'answered') return end
  const understood = understand(question, end.pdu)
  switch (understood.kind) {
    case 'data':
      return { ...understood, sent: end.sent }
    case 'exception':
      return understood
    case 'nonsense': {
      const reason = `the device answered nonsense: ${understood.reason}`
      line.distrust(from, pdu => isAnswer(question, pdu), reason)
      return { kind: 'unanswered', reason }
    }
  }
}

export const GIVEN_UP_BEFORE = 'given up before it was sent'

export function givenUp(state: 'sent' | 'not-sent', why: GivenUp): Asked {
  if (state === 'not-sent') {
    const reason = why === 'late' ? 'other requests kept the device busy until the deadline' : GIVEN_UP_BEFORE
    return { kind: 'unreachable', reason }
  }
  const reason = why === 'late' ? 'the device did not answer in time' : 'given up before the answer came'
  return { kind: 'unanswered', reason }
}

/**
 * The exceptions that say that nothing was done: illegal function, address or value, device busy, no path behind a gateway.
 * The others (failure while doing it, acknowledge, no answer from behind a gateway) leave open what was.
 */
const REFUSING: ReadonlySet<number> = new Set([1, 2, 3, 6, 10])

/** What came of a write that was asked for. */
export function written(asked: Asked): WriteResult {
  switch (asked.kind) {
    case 'data':
      return { kind: 'accepted' }
    case 'exception':
      return { kind: REFUSING.has(asked.code) ? 'rejected' : 'unknown', reason: asked.reason }
    case 'unreachable':
      return { kind: 'unreachable', reason: asked.reason }
    case 'unanswered':
      return { kind: 'unknown', reason: asked.reason }
  }
}
