import { Worker } from 'node:worker_threads'
import type { Failure } from './failure.ts'
import type { Envelope, Reply, Request } from './messages.ts'

/** The thread ended without an answer: what it was asked may have been done or not. */
export interface Crashed {
  readonly kind: 'crashed'
  readonly detail: string
}

/** The writer's module beside this one, compiled or not. */
const WRITER = new URL(
  import.meta.url.endsWith('.ts') ? './writer-main.ts' : './writer-main.js',
  import.meta.url,
)

/** The writer's thread, seen from the other side. It is started when something is asked of it, and again when it ended. */
export class WriterThread implements AsyncDisposable {
  readonly #module: URL
  readonly #waiting = new Map<number, (reply: Reply | Crashed) => void>()
  #worker: Worker | undefined
  #lastId = 0

  constructor(module: URL = WRITER) {
    this.#module = module
  }

  /** Sends a request and gives its answer. Never rejects. */
  ask(body: Request): Promise<Reply | Crashed> {
    const { promise, resolve } = Promise.withResolvers<Reply | Crashed>()
    try {
      this.#worker ??= this.#start()
      this.#lastId += 1
      this.#worker.postMessage({ id: this.#lastId, body } satisfies Envelope<Request>)
      this.#waiting.set(this.#lastId, resolve)
    } catch (error) {
      resolve({ kind: 'crashed', detail: wordsOf(error) })
    }
    return promise
  }

  /** Ends the thread. One that the disk holds in a system call ends when the disk lets go of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker
    this.#ended(worker, 'the audit writer was stopped')
    await worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(this.#module, { name: 'audit-writer' })
    worker.on('message', ({ id, body }: Envelope<Reply>) => {
      this.#waiting.get(id)?.(body)
      this.#waiting.delete(id)
    })
    worker.on('error', error => this.#ended(worker, `the audit writer crashed: ${wordsOf(error)}`))
    worker.on('exit', code => this.#ended(worker, `the audit writer ended with code ${code}`))
    return worker
  }

  /** Answers everything that is still open. A thread that was given up before changes nothing. */
  #ended(worker: Worker | undefined, detail: string): void {
    if (worker === undefined || worker !== this.#worker) return
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const resolve of waiting) resolve({ kind: 'crashed', detail })
  }
}

/** What kept the thread from doing what it was asked. */
export function failureIn(reply: Reply | Crashed): Failure {
  if (reply.kind === 'failed' || reply.kind === 'unreadable') return reply.failure
  const detail = reply.kind === 'crashed' ? reply.detail : `the audit writer answered ${reply.kind}`
  return { kind: 'unwritable', detail, remedy: 'nothing: the agent starts its audit writer again by itself' }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
