import type { Clock, Millis, MonotonicMs } from '../../../model/time.ts'
import { parseRecord } from '../words.ts'
import type { Comparison } from './comparison.ts'
import { type Counted, type CountedLog, type CountListener, count } from './count.ts'
import type { MonotonicCounter } from './counter.ts'

/** Of what is found, a roll-back is said again at each start until somebody says that it was meant. */
export interface CounterListener extends CountListener {
  /** Nothing is open: there was no roll-back, or somebody has said that it was meant. Said at the start. */
  meant(): void
  /** The counter cannot be asked; said once for each reason. */
  unavailable(detail: string, remedy: string): void
  /** It can be asked again. */
  available(): void
}

/** How a turn at the counter ended: what log and counter said of each other, or why they could not be compared. */
export type TurnOutcome = Comparison | 'unavailable' | 'unwritable'

/** What is known of the counter, without asking the TPM. */
export interface CounterState {
  /** Where it stood after it was last counted on; undefined before the first time. */
  readonly counter: number | undefined
  /** How long ago that was, or this keeper was begun where it was not yet. */
  readonly age: Millis
  /**
   * How the last turn ended; undefined before the first. What was found stands until a turn was carried to its end without finding it,
   * whatever keeps it from that end: a TPM that cannot count does not hide a roll-back.
   */
  readonly last: TurnOutcome | undefined
}

/** A TPM's NV memory wears (ST names 500,000 writes for its ST33): one an hour is 8,760 a year. */
const EVERY: Millis = 3_600_000
const RETRY_FIRST: Millis = 30_000
const RETRY_MAX: Millis = 600_000

/**
 * Binds a log to its counter: compares them at the start and once an hour, and counts both on. Whatever comes of it, the agent
 * runs on: nothing waits for it, and nothing is refused because it cannot be done.
 */
export class CounterKeeper implements AsyncDisposable {
  readonly #log: CountedLog
  readonly #counter: MonotonicCounter
  readonly #clock: Clock
  readonly #listener: CounterListener
  readonly #stop = new AbortController()
  #jumpIsKnown: boolean
  #trouble: string | undefined
  /** What was found last. It is found again as long as it cannot be written down, and told once. */
  #found: string | undefined
  #value: number | undefined
  #countedAt: MonotonicMs
  #last: TurnOutcome | undefined
  /** What was found by turns of which none has come to its end yet. */
  #finding: 'rolled-back' | 'lost' | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(
    log: CountedLog,
    counter: MonotonicCounter,
    jumpIsKnown: boolean,
    clock: Clock,
    listener: CounterListener,
  ) {
    this.#log = log
    this.#counter = counter
    this.#jumpIsKnown = jumpIsKnown
    this.#clock = clock
    this.#listener = listener
    this.#countedAt = clock.monotonic()
  }

  get state(): CounterState {
    return { counter: this.#value, age: this.#clock.monotonic() - this.#countedAt, last: this.#last }
  }

  /** Begins, in the background. */
  start(): void {
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    await this.#remind()
    let retry = RETRY_FIRST
    while (!this.#stop.signal.aborted) {
      const counted = await count(this.#log, this.#counter, this.#jumpIsKnown, {
        rolledBack: detail => {
          this.#finding = 'rolled-back'
          this.#once(detail, () => this.#listener.rolledBack(detail))
        },
        lost: detail => {
          this.#finding = 'lost'
          this.#once(detail, () => this.#listener.lost(detail))
        },
      })
      this.#tell(counted)
      const isDone = counted.kind === 'counted'
      await this.#clock.sleep(isDone ? EVERY : retry, this.#stop.signal)
      retry = isDone ? RETRY_FIRST : Math.min(retry * 2, RETRY_MAX)
    }
  }

  #tell(counted: Counted): void {
    this.#last = this.#finding ?? (counted.kind === 'counted' ? counted.comparison : counted.kind)
    switch (counted.kind) {
      case 'counted':
        this.#value = counted.counter
        this.#countedAt = this.#clock.monotonic()
        if (this.#trouble !== undefined) this.#listener.available()
        this.#trouble = undefined
        this.#jumpIsKnown = false
        this.#found = undefined
        this.#finding = undefined
        return
      case 'unavailable':
        if (this.#trouble !== counted.detail && !this.#stop.signal.aborted)
          this.#listener.unavailable(counted.detail, counted.remedy)
        this.#trouble = counted.detail
        return
      case 'unwritable':
      // The log says so itself.
    }
  }

  #once(found: string, tell: () => void): void {
    if (this.#found !== found) tell()
    this.#found = found
  }

  /** A roll-back that an earlier run found, and about which nobody has said anything. */
  async #remind(): Promise<void> {
    const found = await this.#log.latest('log-rolled-back')
    const meant = await this.#log.latest('log-restored')
    if (found.kind !== 'latest' || meant.kind !== 'latest') return
    if (found.record === undefined || (meant.record?.seq ?? -1) > found.record.seq)
      return this.#listener.meant()
    this.#listener.rolledBack(
      `record ${found.record.seq}, of an earlier start: ${String(parseRecord(found.record.text).detail)}`,
    )
  }
}
