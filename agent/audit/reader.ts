import type { AuditKind } from '../../model/audit.ts'
import type { UnixMs } from '../../model/time.ts'
import type { FoundRecords, LatestRecord, RecentNonces } from './answers.ts'
import type { Followed } from './forward/forwarder.ts'
import type { Reply, Request } from './messages.ts'
import { type Crashed, failureIn } from './thread.ts'

/** What is asked of an open log. Each question is answered between two commits, by the thread that writes. Nothing here rejects. */
export class LogReader {
  readonly #ask: (request: Request) => Promise<Reply | Crashed>

  constructor(ask: (request: Request) => Promise<Reply | Crashed>) {
    this.#ask = ask
  }

  /** The nonces of all records with the members `credential`, `nonce` and `created` (whole seconds), from `since` on. */
  async recentNonces(since: UnixMs): Promise<RecentNonces> {
    const reply = await this.#ask({ kind: 'nonces', since: since / 1000 })
    return reply.kind === 'nonces' ? reply : unreadable(reply)
  }

  async records(of: AuditKind, since: UnixMs, most: number): Promise<FoundRecords> {
    const reply = await this.#ask({ kind: 'records', of, since: new Date(since).toISOString(), most })
    return reply.kind === 'records' ? reply : unreadable(reply)
  }

  async latest(of: AuditKind): Promise<LatestRecord> {
    const reply = await this.#ask({ kind: 'latest', of })
    return reply.kind === 'latest' ? reply : unreadable(reply)
  }

  async recordsAfter(seq: number, most: number): Promise<Followed> {
    const reply = await this.#ask({ kind: 'after', seq, most })
    if (reply.kind !== 'after') return unreadable(reply)
    const log = reply.first && Buffer.from(reply.first).toString('base64')
    const { size, records, checkpoint } = reply
    return { kind: 'records', log, size, records, checkpoint }
  }
}

function unreadable(reply: Reply | Crashed): { readonly kind: 'unreadable'; readonly detail: string } {
  return { kind: 'unreadable', detail: failureIn(reply).detail }
}
