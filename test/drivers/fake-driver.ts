import type { Driver, ReadResult, WriteResult } from '../../drivers/driver.ts'
import type { Millis } from '../../model/time.ts'

/** A device in memory, for tests of what stands before a driver. It passes the same contract suite as the real ones. */
export class FakeDriver implements Driver {
  /** What the device holds, by point. */
  readonly values = new Map<string, number>()
  /** Every write that reached the device, in order. */
  readonly writes: { readonly point: string; readonly value: number }[] = []
  /** What the next answers are instead of the truth; `undefined` is the truth. */
  nextWrite: WriteResult | undefined
  nextRead: ReadResult | undefined
  connections = 1
  /** What was read, in order. */
  readonly reads: string[] = []
  /** What follows a write that reached the device. By default: position feedback shows the commanded value at once. */
  onWrite: (point: string, value: number) => void = (point, value) => {
    this.values.set(point.replace('.command', '.feedback'), value)
  }
  readonly #known: ReadonlySet<string>
  #waiting: Promise<void> | undefined

  constructor(points: Readonly<Record<string, number>>) {
    this.#known = new Set(Object.keys(points))
    for (const [point, value] of Object.entries(points)) this.values.set(point, value)
  }

  /** From now on nothing is answered until the promise resolves. */
  holdUntil(released: Promise<void>): void {
    this.#waiting = released
  }

  async read(point: string, timeout: Millis, stop?: AbortSignal): Promise<ReadResult> {
    if (!this.#known.has(point)) throw new RangeError(`the device has no point ${point}`)
    if (stop?.aborted) return { kind: 'failed', reason: 'given up before it was sent' }
    this.reads.push(point)
    if (this.nextRead) return this.nextRead
    if (await this.#givenUp(timeout, stop))
      return { kind: 'failed', reason: 'the device did not answer in time' }
    return { kind: 'value', value: this.values.get(point) ?? 0, age: 0 }
  }

  async write(point: string, value: number, timeout: Millis, stop?: AbortSignal): Promise<WriteResult> {
    if (!this.#known.has(point)) throw new RangeError(`the device has no point ${point}`)
    if (stop?.aborted) return { kind: 'unreachable', reason: 'given up before it was sent' }
    if (this.nextWrite?.kind === 'rejected' || this.nextWrite?.kind === 'unreachable') return this.nextWrite
    this.writes.push({ point, value })
    this.values.set(point, value)
    this.onWrite(point, value)
    if (this.nextWrite) return this.nextWrite
    if (await this.#givenUp(timeout, stop))
      return { kind: 'unknown', reason: 'the device did not answer in time' }
    return { kind: 'accepted' }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #givenUp(timeout: Millis, stop?: AbortSignal): Promise<boolean> {
    if (!this.#waiting) return false
    const late = AbortSignal.timeout(timeout)
    const end = stop ? AbortSignal.any([stop, late]) : late
    const aborted = new Promise<true>(resolve =>
      end.addEventListener('abort', () => resolve(true), { once: true }),
    )
    return await Promise.race([aborted, this.#waiting.then(() => false)])
  }
}
