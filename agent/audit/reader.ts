import type { AuditKind } from '../../model/audit.ts'
import type { UnixMs } from '../../model/time.ts'
import type { FoundRecords, LatestRecord, RecentNonces, VouchedRecord } from './answers.ts'
import type { Followed } from './forward/forwarder.ts'
import type { Reply, Request } from './messages.ts'
import { type Crashed, failureIn } from './thread.ts'

/** What is asked of an open log. Each question is answered between two commits, by the thread that writes. Nothing here rejects. */
export abstract class LogReader {
  protected abstract query(request: Request): Promise<Reply | Crashed>

  /** The nonces of commands that were signed at `since` or later, to fill the replay memory at start: of all records with `credential`, `nonce` and `created`. */
  async recentNonces(since: UnixMs): Promise<RecentNonces> {
    const reply = await this.query({ kind: 'nonces', since: since / 1000 })
    return reply.kind === 'nonces' ? reply : unreadable(reply)
  }

  /** The newest records of one kind, from a time on, at most `most`: their canonical JSON, newest first. */
  async records(of: AuditKind, since: UnixMs, most: number): Promise<FoundRecords> {
    const reply = await this.query({ kind: 'records', of, since: new Date(since).toISOString(), most })
    return reply.kind === 'records' ? reply : unreadable(reply)
  }

  /** The last record of one kind, by its place and not by its time: clocks are set. */
  async latest(of: AuditKind): Promise<LatestRecord> {
    const reply = await this.query({ kind: 'latest', of })
    return reply.kind === 'latest' ? reply : unreadable(reply)
  }

  /** The same of records that a signature covered when the log was opened, or that were written since. */
  async vouched(of: AuditKind): Promise<VouchedRecord> {
    const reply = await this.query({ kind: 'vouched', of })
    if (reply.kind !== 'vouched') return unreadable(reply)
    return reply.isKnown ? { kind: 'latest', record: reply.record } : { kind: 'unsigned' }
  }

  /** The records after one, in their order, at most `most`, and which log they are of: for whoever forwards them. */
  async recordsAfter(seq: number, most: number): Promise<Followed> {
    const reply = await this.query({ kind: 'after', seq, most })
    if (reply.kind !== 'after') return unreadable(reply)
    const log = reply.first && Buffer.from(reply.first).toString('base64')
    const { size, records, checkpoint } = reply
    return { kind: 'records', log, size, records, checkpoint }
  }
}

function unreadable(reply: Reply | Crashed): { readonly kind: 'unreadable'; readonly detail: string } {
  return { kind: 'unreadable', detail: failureIn(reply).detail }
}
