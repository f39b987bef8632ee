/** A queue of one: who has taken a place goes on alone until it is disposed of. First come, first served. */
export class Queue {
  #last: Promise<void> = Promise.resolve()

  /** Waits for a place. Returns undefined when `signal` aborts first; the place is then passed on. */
  async take(signal: AbortSignal): Promise<Disposable | undefined> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    if (await endsBefore(before, signal)) return { [Symbol.dispose]: resolve }
    before.then(resolve, resolve)
    return undefined
  }
}

async function endsBefore(turn: Promise<void>, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  const aborted = Promise.withResolvers<boolean>()
  const abort = () => aborted.resolve(false)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([turn.then(() => true), aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
