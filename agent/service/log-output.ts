import { pino } from 'pino'
import type { Clock, Millis } from '../../model/time.ts'

/** So much of a log waits in memory for whoever reads it: some ten thousand lines. What comes then is dropped. */
const WAITING_MAX = 4 * 1024 * 1024
/** At the end, the reader has so long to take the rest. */
const REST_WITHIN: Millis = 1000

/**
 * Where a log goes, without ever waiting for its reader: a journal that hangs stops no answer and no trip. What it does not take
 * waits in memory; beyond a bound lines are dropped, and counted. Everything that has to be provable is in the audit log.
 */
export class LogOutput implements AsyncDisposable {
  readonly #destination: ReturnType<typeof pino.destination>
  readonly #clock: Pick<Clock, 'sleep'>
  #isEnded = false

  /** `onLost` hears, once the reader reads again, how many lines were dropped meanwhile. */
  constructor(
    fd: number,
    clock: Pick<Clock, 'sleep'>,
    onLost: (lines: number) => void,
    waitingMax: number = WAITING_MAX,
  ) {
    this.#clock = clock
    this.#destination = pino.destination({ fd, sync: false, maxLength: waitingMax })
    let lost = 0
    this.#destination.on('drop', () => {
      lost += 1
    })
    this.#destination.on('drain', () => {
      if (lost === 0) return
      const lines = lost
      lost = 0
      onLost(lines)
    })
    // A log that nobody takes is no reason to end.
    this.#destination.on('error', () => {})
  }

  write(text: string): void {
    if (!this.#isEnded) this.#destination.write(text)
  }

  /** Hands over what still waits, as far as the reader takes it in a moment. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true
    const closed = Promise.withResolvers<void>()
    this.#destination.on('close', closed.resolve)
    this.#destination.end()
    const quiet = new AbortController()
    await Promise.race([closed.promise, this.#clock.sleep(REST_WITHIN, quiet.signal)])
    quiet.abort()
    this.#destination.destroy()
  }
}
