import type { MonotonicMs } from '../../model/time.ts'
import type { WriteResult } from '../driver.ts'
import { GIVEN_UP_BEFORE, givenUp, written } from './ask.ts'
import type { Deadlines, GivenUp, Patience } from './deadlines.ts'

/** Writes with somebody's patience, and says when the first byte of it goes out. */
type Writes = (patience: Patience, onSent: () => void) => Promise<WriteResult>

interface Caller {
  readonly patience: Patience
  resolve(result: WriteResult): void
  /** For a mistake of ours, which is each caller's to see. */
  reject(mistake: unknown): void
}

/** One write, and those who wait for what comes of it. */
interface Joined {
  readonly callers: Caller[]
  /** Aborts when nobody waits any more, unless its own patience ends with that. */
  readonly unwanted: AbortController
  /** When the patience with which it is written now ends: that of the first who asked, who may have left since. */
  until: MonotonicMs
  isSent: boolean
}

/**
 * The writes of its safe value to one point. They all want the same, so whoever asks while one waits for its turn waits for that one: however
 * many ask, one is out and one waits. Nobody is told of a write that had been sent before he asked. Each has his own deadline, and one who
 * gives up ends nothing for the others.
 */
export class Joint {
  readonly #deadlines: Deadlines
  readonly #writes: Writes
  #unsent: Joined | undefined

  constructor(deadlines: Deadlines, writes: Writes) {
    this.#deadlines = deadlines
    this.#writes = writes
  }

  /** Has its first byte sent before it returns, where the line is free. */
  async write(patience: Patience): Promise<WriteResult> {
    if (this.#deadlines.isOver(patience)) return { kind: 'unreachable', reason: GIVEN_UP_BEFORE }
    return await new Promise((resolve, reject) => {
      const { until } = patience
      const joined = this.#unsent ?? { callers: [], unwanted: new AbortController(), until, isSent: false }
      const caller: Caller = {
        patience,
        resolve: result => {
          wait.end()
          resolve(result)
        },
        reject: mistake => {
          wait.end()
          reject(mistake)
        },
      }
      const wait = this.#deadlines.watch(patience, why => this.#giveUp(joined, caller, why))
      if (joined.callers.push(caller) > 1) return
      this.#unsent = joined
      this.#carryOut(joined).catch((mistake: unknown) => {
        this.#close(joined)
        for (const one of joined.callers.splice(0)) one.reject(mistake)
      })
    })
  }

  /** Writes with the patience of who has come first, and when that ends unsent, of the next. */
  async #carryOut(joined: Joined): Promise<void> {
    const { callers, unwanted } = joined
    const onSent = () => {
      joined.isSent = true
      this.#close(joined)
    }
    for (let [first] = callers; first; [first] = callers) {
      joined.until = first.patience.until
      const patience = { until: joined.until, stop: unwanted.signal }
      const result = await this.#writes(patience, onSent)
      if (!joined.isSent && this.#deadlines.isOver(patience)) {
        if (callers[0] === first) callers.shift()
        first.resolve(result)
        continue
      }
      this.#close(joined)
      for (const caller of callers.splice(0)) caller.resolve(result)
    }
    this.#close(joined)
  }

  #giveUp(joined: Joined, caller: Caller, why: GivenUp): void {
    const { callers, isSent, unwanted } = joined
    // What was sent has its own time for the answer.
    if (isSent && why === 'late') return
    callers.splice(callers.indexOf(caller), 1)
    if (callers.length === 0) {
      this.#close(joined)
      // It must not go out after the last one was told that nothing was sent. One that ends now by itself ends as late, which keeps its turn.
      if (why === 'unwanted' || joined.until > caller.patience.until) unwanted.abort()
    }
    caller.resolve(written(givenUp(isSent ? 'sent' : 'not-sent', why)))
  }

  /** Nobody joins it any more. */
  #close(joined: Joined): void {
    if (this.#unsent === joined) this.#unsent = undefined
  }
}
