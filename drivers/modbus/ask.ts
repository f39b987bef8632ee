import type { MonotonicMs } from '../../model/time.ts'
import type { GivenUp, Patience } from './deadlines.ts'
import type { Addressee, Exchange, ExchangeEnd, ExchangeKind } from './exchange.ts'
import type { Line } from './line.ts'
import type { ModbusLink } from './link.ts'
import { isAnswer, type Question, understand } from './pdu.ts'

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
  kind: ExchangeKind,
  question: Question,
  patience: Patience,
): Promise<Asked> {
  const { line } = link
  if (!('start' in line)) return { kind: 'unreachable', reason: line.trouble }
  if (link.deadlines.isOver(patience)) return { kind: 'unreachable', reason: GIVEN_UP_BEFORE }
  return await new Promise(resolve => {
    const exchange: Exchange = {
      kind,
      unit: to.unit,
      timeout: to.timeout,
      request: () => question.request,
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
