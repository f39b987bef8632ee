import type { StatusCode } from 'node-opcua-client'
import type { Clock, Millis, MonotonicMs } from '../../model/time.ts'
import type { Connection, OpcUaLink } from './link.ts'
import type { Session } from './once.ts'
import { formatNodeName, type NodeName } from './point.ts'
import { faultIn, isRefusal, isSessionOver } from './status.ts'

export type Asked<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly sent: MonotonicMs }
  /** `unreachable`: it was not sent. `refused`: the server said that nothing was done. `unanswered`: who knows. */
  | { readonly kind: 'unreachable' | 'refused' | 'unanswered'; readonly reason: string }

/** Sends requests over the session that a link keeps: each once, and none without a deadline. */
export class Asker {
  readonly #link: OpcUaLink
  readonly #clock: Clock
  #lastAnswered: MonotonicMs = 0

  constructor(link: OpcUaLink, clock: Clock) {
    this.#link = link
    this.#clock = clock
  }

  /** Sends one request and waits for its answer, the session's end or the signal, whichever comes first. */
  async ask<Answer>(
    signal: AbortSignal,
    nodes: readonly NodeName[],
    send: (session: Session, ids: readonly string[]) => Promise<Answer>,
  ): Promise<Asked<Answer>> {
    const { connection } = this.#link
    if ('trouble' in connection) return { kind: 'unreachable', reason: connection.trouble }
    if (signal.aborted) return { kind: 'unreachable', reason: 'given up before it was sent' }
    const ids: string[] = []
    for (const node of nodes) {
      const id = idOf(node, connection)
      if (id === undefined)
        return { kind: 'unreachable', reason: `the server has no namespace of ${formatNodeName(node)}` }
      ids.push(id)
    }
    const sent = this.#clock.monotonic()
    const answered = send(connection.session, ids).then(
      (answer): Asked<Answer> => {
        this.#lastAnswered = this.#clock.monotonic()
        this.#link.answered(connection)
        return { kind: 'answered', answer, sent }
      },
      (error: Error): Asked<Answer> | Fault => faultOf(error),
    )
    const gone = Promise.withResolvers<'lost' | 'given-up'>()
    const onLost = () => gone.resolve('lost')
    const onAbort = () => gone.resolve('given-up')
    connection.lost.addEventListener('abort', onLost)
    signal.addEventListener('abort', onAbort)
    try {
      const first = await Promise.race([answered, gone.promise])
      if (first === 'lost')
        return { kind: 'unanswered', reason: 'the connection was lost before the answer came' }
      if (first === 'given-up') return this.#givenUp(connection, sent, signal)
      return first.kind === 'fault' ? this.#faulted(connection, first) : first
    } finally {
      connection.lost.removeEventListener('abort', onLost)
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** The server refused the whole request. Where the reason is the session, another is made. */
  #faulted<Answer>(connection: Connection, { status }: Fault): Asked<Answer> {
    this.#lastAnswered = this.#clock.monotonic()
    const reason = `the server says ${status.name}`
    if (isSessionOver(status)) this.#link.renew(connection, `${reason}: the session has ended there`)
    return { kind: isRefusal(status) ? 'refused' : 'unanswered', reason }
  }

  #givenUp<Answer>(connection: Connection, sent: MonotonicMs, signal: AbortSignal): Asked<Answer> {
    // To be overruled is no fault of the server's; a deadline that passed is.
    if ((signal.reason as Error | undefined)?.name !== 'TimeoutError')
      return { kind: 'unanswered', reason: 'given up before the answer came' }
    const reason = 'the server did not answer in time'
    if (this.#lastAnswered <= sent) this.#link.renew(connection, reason)
    return { kind: 'unanswered', reason }
  }
}

/** Aborts when a request has had its time, as a timeout does, or when it is not wanted any more. */
export function endOf(timeout: Millis, stop?: AbortSignal): AbortSignal {
  const late = AbortSignal.timeout(timeout)
  return stop ? AbortSignal.any([stop, late]) : late
}

interface Fault {
  readonly kind: 'fault'
  readonly status: StatusCode
}

/** What the server refused a whole request with; an answer that is none where it did not. */
function faultOf(error: Error): Fault | { readonly kind: 'unanswered'; readonly reason: string } {
  const status = faultIn(error)
  if (status) return { kind: 'fault', status }
  return { kind: 'unanswered', reason: `no clear answer: ${error.message.split('\n')[0]}` }
}

/** A node as this session calls it; undefined where the server has no such namespace. */
export function idOf({ namespace, identifier }: NodeName, { namespaces }: Connection): string | undefined {
  const index = namespaces.indexOf(namespace)
  return index < 0 ? undefined : `ns=${index};${identifier}`
}
