import { performance } from 'node:perf_hooks'
import { failureOf } from './failure.ts'
import type { Envelope, Reply, Request } from './messages.ts'
import type { NoteSigner, NoteVerifier } from './note.ts'
import { AuditStore } from './store.ts'
import type { Vouched } from './vouching.ts'

/** As much of a MessagePort as the writer needs. */
export interface WriterPort {
  on(event: 'message', listener: (envelope: Envelope<Request>) => void): unknown
  postMessage(envelope: Envelope<Reply>): void
}

/**
 * Serves the log's file to the handle at the port's other end. SQLite blocks until the disk has answered; here, on a
 * thread of its own, nothing stands behind it: no commit is ever in front of a trip.
 */
export function serveWriter(port: WriterPort): void {
  const writer = new Writer()
  port.on('message', ({ id, body }) => port.postMessage({ id, body: writer.answer(body) }))
}

/** What opens or changes the log; all else is a question. */
const CHANGES: ReadonlySet<Request['kind']> = new Set(['open', 'commit', 'sign', 'close'])

class Writer {
  #store: AuditStore | undefined
  #signer: NoteSigner | undefined
  #keys: readonly NoteVerifier[] = []
  #vouched: Vouched | undefined

  /**
   * Answers one request. A failure closes the file: what is left is read again from the disk before anything is added. A question
   * that cannot be answered is none: one damaged page among the old records must not keep new ones from the disk.
   */
  answer(request: Request): Reply {
    try {
      return this.#try(request)
    } catch (error) {
      const failure = failureOf(error)
      if (this.#store !== undefined && !CHANGES.has(request.kind)) return { kind: 'unreadable', failure }
      this.#close()
      return { kind: 'failed', failure }
    }
  }

  #try(request: Request): Reply {
    switch (request.kind) {
      case 'open': {
        this.#close()
        this.#store = new AuditStore(
          ...([request.path, request.boot, request.mode, request.known, request.kept] as const),
        )
        return { kind: 'opened', created: this.#store.created, head: this.#store.head }
      }
      case 'commit': {
        const began = performance.now()
        const committed = this.#open().append(request.base, request.candidates, request.seal, this.#signer)
        return { kind: 'committed', tookMs: performance.now() - began, ...committed }
      }
      case 'sign':
        return { kind: 'signing', vouched: this.#sign(request) }
      case 'nonces':
        return { kind: 'nonces', nonces: this.#open().recentNonces(request.since) }
      case 'records':
        return { kind: 'records', texts: this.#open().records(request.of, request.since, request.most) }
      case 'latest':
        return { kind: 'latest', record: this.#open().latest(request.of) }
      case 'vouched': {
        const store = this.#open()
        const vouched = this.#signer && this.#vouched
        const record = vouched && store.latestVouched(request.of, vouched, this.#keys)
        return { kind: 'vouched', isKnown: vouched !== undefined, record }
      }
      case 'after':
        return { kind: 'after', ...this.#open().recordsAfter(request.seq, request.most) }
      case 'close':
        this.#close()
        return { kind: 'done' }
    }
  }

  /** Goes over to a key, unless there is a doubt about what it would sign and nobody has written that down yet. */
  #sign({ signer, keys, vouched: known }: Extract<Request, { kind: 'sign' }>): Vouched | undefined {
    this.#signer = undefined
    this.#keys = keys
    if (signer === undefined) return known
    const vouched = known ?? this.#store?.vouch(keys)
    if (vouched === undefined) return undefined
    this.#vouched = vouched
    if (vouched.doubt === undefined || known !== undefined) this.#signer = signer
    return vouched
  }

  #open(): AuditStore {
    if (this.#store === undefined) throw new Error('the audit log is not open')
    return this.#store
  }

  #close(): void {
    const store = this.#store
    this.#store = undefined
    try {
      store?.[Symbol.dispose]()
    } catch {
      // A file that cannot be closed well is found out when it is opened again.
    }
  }
}
