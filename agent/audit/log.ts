import type { AuditEntry } from '../../model/audit.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { AuditState, Sealed } from './answers.ts'
import type { Failure } from './failure.ts'
import { Gap, gapEntry } from './gap.ts'
import { Intake } from './intake.ts'
import type { KeptCheckpoint } from './kept-checkpoint.ts'
import { LogListeners } from './listeners.ts'
import type { Reply, Request } from './messages.ts'
import type { NoteSigner, NoteVerifier } from './note.ts'
import { type AuditLimits, type AuditLogOptions, LIMITS } from './options.ts'
import { type Appended, AuditQueue, type Fate, Pending, settleDurable, settleUnwritable } from './queue.ts'
import { LogReader } from './reader.ts'
import { answerSealers, Sealers } from './sealers.ts'
import { Signing } from './signing.ts'
import { stallFailure, watchForStall } from './stall.ts'
import type { Head } from './store.ts'
import { type Crashed, failureIn, WriterThread } from './thread.ts'

export type { AuditState, RecentNonces, Sealed } from './answers.ts'
export type { AuditLimits, AuditLogOptions, AuditTrouble } from './options.ts'

const CLOSED = 'the audit log is closed'

export type OpenedAuditLog = { readonly kind: 'opened'; readonly log: AuditLog; readonly created: boolean }

/** Opens the log, or says why not and what can be done. Never rejects. */
export async function openAuditLog(options: AuditLogOptions): Promise<OpenedAuditLog | Failure> {
  const { path, boot, mode, kept } = options
  const thread = new WriterThread(options.writer)
  const reply = await thread.ask({ kind: 'open', path, boot, mode, known: undefined, kept: kept?.found })
  if (reply.kind === 'opened')
    return { kind: 'opened', log: new AuditLog(options, thread, reply.head), created: reply.created }
  const failure = failureIn(reply)
  if (options.patient && failure.kind === 'unwritable')
    return { kind: 'opened', log: new AuditLog(options, thread, failure), created: false }
  await thread[Symbol.asyncDispose]()
  await kept?.[Symbol.asyncDispose]()
  return failure
}

/**
 * The audit log as the rest of the agent sees it. Nothing here throws or blocks, whatever the disk does: entries wait in
 * a bounded queue and go to the writer's thread one transaction at a time, so all that arrive during one commit share
 * the next. When a commit fails, appends are refused, notes are kept, and the file is opened anew until it takes them.
 */
export class AuditLog extends LogReader implements AsyncDisposable {
  readonly #options: AuditLogOptions
  readonly #limits: AuditLimits
  readonly #clock: Clock
  readonly #thread: WriterThread
  readonly #queue: AuditQueue
  readonly #gap = new Gap()
  readonly #intake: Intake
  readonly #closing = new AbortController()
  /** Undefined while the file has not been opened yet. */
  #head: Head | undefined
  readonly #signing: Signing
  /** The newest signed checkpoint of this run. */
  #newest: KeptCheckpoint | undefined
  #trouble: Failure | undefined
  /** Entries of a commit that is under way, or that failed and may yet be found in the file; `#base` is where they would be. */
  #batch: readonly Pending[] = []
  #base = 0
  #isOpen = true
  #running: Promise<void> | undefined
  #gaveUp = false
  #stalled = Promise.withResolvers<void>()
  #sealWanted = false
  #sealTimer = false
  readonly #sealers = new Sealers()
  readonly #listeners: LogListeners

  /** `begun` is how far the opened file has come, or why it cannot be opened yet. */
  constructor(options: AuditLogOptions, thread: WriterThread, begun: Head | Failure) {
    super()
    this.#options = options
    this.#listeners = new LogListeners(options)
    this.#limits = { ...LIMITS, ...options.limits }
    this.#clock = options.clock
    this.#thread = thread
    this.#queue = new AuditQueue(this.#limits.queue)
    this.#intake = new Intake(this.#queue, this.#gap, options.clock)
    this.#signing = new Signing({
      ask: request => thread.ask(request),
      append: entry => this.append(entry),
      seal: () => void this.checkpoint(),
      doubted: detail => this.#listeners.doubted(detail),
      clock: options.clock,
      retry: this.#limits.retry,
      closing: this.#closing.signal,
    })
    if ('kind' in begun) {
      this.#fail(begun)
      this.#wake()
    } else this.#head = begun
  }

  /**
   * Records an entry before what it announces is done. Resolves when it is on the disk, or when it is clear that it will not be, and then
   * it does not turn up later. Never rejects.
   */
  append(entry: AuditEntry): Promise<Appended> {
    return this.#take(entry, 'forgone')
  }

  /** The same of what is done in any case: it resolves as soon as it is clear that the disk does not take it now, and is kept until it does. */
  appendOrKeep(entry: AuditEntry): Promise<Appended> {
    return this.#take(entry, 'kept')
  }

  /** Records an entry for which nobody waits. When there is no room it is counted, and the count is recorded. */
  note(entry: AuditEntry): void {
    void this.#take(entry, 'kept')
  }

  /** Calls back after each commit with how long the disk took. */
  onCommit(listener: (took: Millis) => void): void {
    this.#listeners.onCommit(listener)
  }

  /**
   * Sets the key that checkpoints are signed with, beside which those of `earlier` generations are ours too, and signs one at once, so that
   * all before it is covered; or takes the key away.
   */
  checkpointWith(signer: NoteSigner | undefined, earlier: readonly NoteVerifier[] = []): void {
    void this.#signing.take(signer, earlier)
    if (signer !== undefined) void this.checkpoint()
  }

  /** Makes a checkpoint of everything that was handed in so far. Never rejects. */
  checkpoint(): Promise<Sealed> {
    const detail = this.#closing.signal.aborted ? CLOSED : this.#trouble?.detail
    if (detail !== undefined) return Promise.resolve({ kind: 'unwritable', detail })
    this.#wake()
    return this.#sealers.wait(this.#queue.length)
  }

  state(): AuditState {
    return {
      size: this.#head?.size ?? 0,
      queue: this.#queue.length + this.#batch.length,
      lastCommitMs: this.#listeners.lastCommitMs,
      ...(this.#trouble === undefined ? {} : { unwritable: this.#trouble.detail }),
    }
  }

  /**
   * Writes what waits, makes a last checkpoint and closes the file. A disk that does not take it is given one more try;
   * `state().queue` then says how many entries were lost.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#sealWanted = true
    this.#wake()
    const drained = await Promise.race([
      this.#running?.then(() => true),
      this.#stalled.promise.then(() => false),
    ])
    if (drained) {
      await this.#thread.ask({ kind: 'close' })
      await this.#thread[Symbol.asyncDispose]()
    } else void this.#thread[Symbol.asyncDispose]()
    await this.#options.kept?.[Symbol.asyncDispose]()
  }

  protected override async query(request: Request): Promise<Reply | Crashed> {
    if (!this.#isOpen && this.#trouble) return { kind: 'failed', failure: this.#trouble }
    const reply = await this.#thread.ask(request)
    if (reply.kind === 'unreadable') this.#listeners.unreadable(reply.failure)
    if (reply.kind !== 'failed' && reply.kind !== 'crashed') return reply
    this.#fail(failureIn(reply))
    this.#wake()
    return reply
  }

  #take(entry: AuditEntry, fate: Fate): Promise<Appended> {
    if (this.#closing.signal.aborted) return Promise.resolve({ kind: 'unwritable', detail: CLOSED })
    const appended = this.#intake.take(entry, fate, this.#trouble?.detail)
    this.#wake()
    return appended
  }

  #wake(): void {
    this.#running ??= this.#run()
  }

  /** Works until there is nothing left to do. Its first step waits a moment, so that entries of one turn share a commit. */
  async #run(): Promise<void> {
    await Promise.resolve()
    while (this.#hasWork()) {
      if ((this.#isOpen || (await this.#reopen())) && (await this.#commit())) continue
      // The last try of a log that is being closed was this one.
      if (this.#closing.signal.aborted) this.#gaveUp = true
      else await this.#clock.sleep(this.#limits.retry, this.#closing.signal)
    }
    this.#running = undefined
  }

  #hasWork(): boolean {
    const waiting = this.#queue.length > 0 || this.#batch.length > 0 || this.#gap.isOpen || this.#sealWanted
    return (waiting || this.#sealers.length > 0 || !this.#isOpen) && !this.#gaveUp
  }

  /** Opens the file after a failure; it must still hold all that was acknowledged. */
  async #reopen(): Promise<boolean> {
    const { path, boot, mode: first } = this.#options
    const known = this.#head
    const kept = this.#newest ?? this.#options.kept?.found
    const mode = known ? 'existing' : first
    const opened = await this.#watched(this.#thread.ask({ kind: 'open', path, boot, mode, known, kept }))
    if (opened.kind !== 'opened') {
      this.#fail(failureIn(opened))
      return false
    }
    await this.#signing.again()
    this.#isOpen = true
    this.#head = opened.head
    return true
  }

  /** One transaction: what an earlier one left, what waits, and a word about what is missing. */
  async #commit(): Promise<boolean> {
    if (this.#batch.length === 0) this.#base = this.#head?.size ?? 0
    const fresh = this.#queue.take(this.#limits.batch - this.#batch.length)
    const kept = [...this.#batch, ...fresh]
    const missed = this.#gap.take()
    const about = missed === undefined ? [] : [new Pending(this.#intake.stamp(gapEntry(missed)), 'kept')]
    const due = this.#sealers.take(fresh.length)
    const seal = due.length > 0 || (this.#sealWanted && this.#queue.length === 0)
    if (seal) this.#sealWanted = false
    this.#batch = [...kept, ...about]
    const candidates = this.#batch.map(({ stamped, isWanted }) => ({ stamped, wanted: isWanted }))
    const reply = await this.#watched(
      this.#thread.ask({ kind: 'commit', base: this.#base, candidates, seal }),
    )
    if (reply.kind !== 'committed') {
      if (missed) this.#gap.add(missed)
      this.#sealWanted ||= seal
      this.#sealers.putBack(due)
      this.#fail(failureIn(reply))
      this.#batch = kept
      return false
    }
    this.#head = reply.head
    this.#listeners.committed(reply.tookMs)
    settleDurable(this.#batch, reply.seqs)
    this.#batch = []
    const checkpoint = reply.checkpoint
    answerSealers(due, checkpoint)
    if (checkpoint?.note !== undefined) this.#newest = { kind: 'note', note: checkpoint.note }
    if (checkpoint) this.#listeners.sealed(checkpoint)
    else void this.#sealLater()
    this.#heal()
    return true
  }

  /** Records do not wait longer than the limit for a checkpoint, however few they are. */
  async #sealLater(): Promise<void> {
    if (this.#sealTimer) return
    this.#sealTimer = true
    await this.#clock.sleep(this.#limits.checkpoint, this.#closing.signal)
    this.#sealTimer = false
    if (this.#closing.signal.aborted) return
    this.#sealWanted = true
    this.#wake()
  }

  /** Waits for the thread, and says so when the disk keeps it for too long. What it is at is awaited all the same. */
  #watched(reply: Promise<Reply | Crashed>): Promise<Reply | Crashed> {
    return watchForStall(reply, this.#clock, this.#limits.stall, () => {
      this.#fail(stallFailure(this.#limits.stall))
      this.#stalled.resolve()
    })
  }

  /** From here on appends are refused at once, and those under way are answered. */
  #fail(failure: Failure): void {
    const isNews = this.#trouble?.detail !== failure.detail
    const now = this.#clock.wall()
    this.#isOpen = false
    this.#trouble = failure
    this.#gap.begin(failure.detail, now)
    this.#gap.refuse(now, settleUnwritable(this.#batch, failure.detail) + this.#queue.refuse(failure.detail))
    this.#sealers.refuse(failure.detail)
    if (isNews) this.#listeners.unwritable(failure)
  }

  #heal(): void {
    if (this.#trouble === undefined) return
    this.#listeners.healed(this.#trouble)
    this.#trouble = undefined
    this.#stalled = Promise.withResolvers()
  }
}
