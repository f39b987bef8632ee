import type { Driver, ReadPurpose, ReadResult, WriteResult } from '../../drivers/driver.ts'
import { type Clock, formatDuration, type Millis, type MonotonicMs } from '../../model/time.ts'

interface Step {
  readonly what: string
  readonly began: MonotonicMs
  readonly due: MonotonicMs
}

/** How long a read may take, in timeouts of its device: for its turn, and for the answer. */
export const READ_TIMEOUTS = 2
/**
 * How long a write may take. The longest is a pulse towards safe in a field of a register, on a line that others keep busy: to set it and
 * to clear it takes a turn and three answers each, and it is held for half a timeout at most.
 */
const WRITE_TIMEOUTS = 9

/** How a device answers: the deadline of a request to it, and how long others on its line may hold that. */
interface Takes {
  readonly timeout: Millis
  readonly turnWithin: Millis
}

/** How long a write may take, until it has ended well or badly. The end of a pulse waits for those who hold the line. */
export function writeWithin({ timeout, turnWithin }: Takes): Millis {
  return WRITE_TIMEOUTS * timeout + turnWithin
}

/** What is allowed for on top of every deadline: a busy machine is no mistake. */
const GRACE: Millis = 1000

/**
 * Knows whether the way of a command still works. Whatever is under way on it says when it will have ended, well or badly;
 * what has not ended by then is stuck. The device watchdogs and systemd's are fed only while nothing is: an agent that lives and
 * cannot command anything must not hold the plant.
 */
export class Progress {
  readonly #clock: Clock
  readonly #underWay = new Set<Step>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Something has begun that ends within so long, whatever happens. Disposing says that it has ended. */
  begin(what: string, within: Millis): Disposable {
    const began = this.#clock.monotonic()
    const step = { what, began, due: began + within + GRACE }
    this.#underWay.add(step)
    return { [Symbol.dispose]: () => void this.#underWay.delete(step) }
  }

  /** What is stuck, in words; undefined while nothing is. */
  get stuck(): string | undefined {
    const now = this.#clock.monotonic()
    for (const { what, began, due } of this.#underWay) {
      if (now > due) return `${what} has not ended for ${formatDuration(now - began)}`
    }
    return undefined
  }

  /**
   * The same driver, with each of its requests watched. `timeout` is the deadline that the device's requests have, `turnWithin` how long
   * others on its line may hold it.
   */
  over(driver: Driver, device: string, timeout: Millis, turnWithin: Millis): Driver {
    return new WatchedDriver(driver, device, { timeout, turnWithin }, this)
  }
}

class WatchedDriver implements Driver {
  readonly #driver: Driver
  readonly #device: string
  readonly #takes: Takes
  readonly #progress: Progress

  constructor(driver: Driver, device: string, takes: Takes, progress: Progress) {
    this.#driver = driver
    this.#device = device
    this.#takes = takes
    this.#progress = progress
  }

  get connections(): number {
    return this.#driver.connections
  }

  async read(point: string, timeout: Millis, stop?: AbortSignal, purpose?: ReadPurpose): Promise<ReadResult> {
    using _ = this.#progress.begin(
      `a read of ${point} on ${this.#device}`,
      READ_TIMEOUTS * this.#takes.timeout,
    )
    return await this.#driver.read(point, timeout, stop, purpose)
  }

  async write(point: string, value: number, timeout: Millis, stop?: AbortSignal): Promise<WriteResult> {
    const within = writeWithin(this.#takes)
    using _ = this.#progress.begin(`a write of ${point} on ${this.#device}`, within)
    return await this.#driver.write(point, value, timeout, stop)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver[Symbol.asyncDispose]()
  }
}
