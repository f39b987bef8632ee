import type { Millis } from '../model/time.ts'

/**
 * The driver interface: what holdfast asks of a protocol, and all of it. A driver is made with the points that the
 * configuration declares for its device and is asked for them by name. Values are numbers: a coil is 0 or 1.
 *
 * Each call has a deadline: it ends within `timeout`, and at once when `stop` aborts. Where devices share a line, what is towards the safe
 * state has `timeout` for its turn and, once it was sent, for each answer. What is late is the device's fault; what was stopped is not. Neither call queues across a reconnect or repeats a write. Neither throws, except for a bug.
 */
export interface Driver extends AsyncDisposable {
  /** How many connections to the device there have been. Another number: another connection, and perhaps another device. */
  readonly connections: number

  /**
   * Reads one point from the device, now. Never answers from a cache, and never with a commanded value. A read whose `purpose` is
   * to confirm a write towards the safe state goes as that write does, before whatever else waits.
   */
  read(point: string, timeout: Millis, stop?: AbortSignal, purpose?: ReadPurpose): Promise<ReadResult>

  /**
   * Writes one point, once. Where writes of its safe value wait for their turn at one time they may be sent as one; each is told of what was
   * sent after it was asked for.
   */
  write(point: string, value: number, timeout: Millis, stop?: AbortSignal): Promise<WriteResult>
}

/** What somebody wants to know a value for. */
export type ReadPurpose = 'any' | 'confirm-safe'

/**
 * Whoever writes towards the safe state, or confirms that, and was told that nothing was sent asks again within so long. Where devices
 * share a line, the driver keeps the next turn on it for him.
 */
export const AGAIN_WITHIN: Millis = 500

export type ReadResult =
  /** `age` is how long ago the device was asked: the value is no older than that. Its quality is good. */
  | { readonly kind: 'value'; readonly value: number; readonly age: Millis }
  /** Of bad quality: the device could not be asked, did not answer in time, or answered nonsense or an exception. */
  | { readonly kind: 'failed'; readonly reason: string }

export type WriteResult =
  /** The device confirmed exactly this write. It says nothing about what the plant then did. */
  | { readonly kind: 'accepted' }
  /** The device answered that it will not. Nothing was written. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** The write was not sent. Nothing was written. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Sent, and no or no clear answer came. It may have been written, may yet be, or may never be. */
  | { readonly kind: 'unknown'; readonly reason: string }
