import type { Millis } from '../../model/time.ts'
import { type Registers, Trouble } from './registers.ts'
import type { Look, Watchdog } from './watchdog.ts'

/** The names of its points. */
export const REGISTER_POINTS = {
  feed: 'watchdog.feed',
  time: 'watchdog.time',
  rearm: 'watchdog.rearm',
  status: 'watchdog.status',
} as const

/** A watchdog in a PLC's program: a register that has to be kept alive. */
export interface RegisterWatchdogSpec {
  readonly kind: 'register'
  readonly time: Millis
  /** What the program takes for a feed: another value, the lowest bit flipped, or any write. */
  readonly feed: 'change' | 'toggle' | 'write'
  /** The value that ends the fallback, where it takes one; without it the next feed does. */
  readonly rearm?: number
  /** Whether the device has a register for the time in ms, in which 0 switches the watchdog off. */
  readonly takesTime: boolean
  /** Whether the device shows the watchdog's state: 0 off, 1 running, 2 expired. */
  readonly showsStatus: boolean
}

const RUNNING = 1
const EXPIRED = 2
const REGISTER_MAX = 0xffff

export class RegisterWatchdog implements Watchdog {
  readonly #spec: RegisterWatchdogSpec
  readonly #registers: Registers
  /** What the register holds. */
  #held = 0

  constructor(spec: RegisterWatchdogSpec, registers: Registers) {
    this.#spec = spec
    this.#registers = registers
  }

  get time(): Millis {
    return this.#spec.time
  }

  async look(): Promise<Look | Trouble> {
    if (!this.#spec.showsStatus) return 'untold'
    const status = await this.#registers.read(REGISTER_POINTS.status)
    if (status instanceof Trouble) return status
    if (status === EXPIRED) return 'expired'
    return status === RUNNING ? 'running' : 'off'
  }

  /** A program that has expired answers as before. */
  async clear(): Promise<undefined> {}

  async arm(): Promise<Trouble | undefined> {
    const { takesTime, time, rearm } = this.#spec
    if (takesTime) {
      const unset = await this.#registers.set(REGISTER_POINTS.time, time)
      if (unset) return unset
    }
    const held = await this.#registers.read(REGISTER_POINTS.feed)
    if (held instanceof Trouble) return held
    this.#held = held
    if (rearm === undefined) return undefined
    const look = await this.look()
    if (look instanceof Trouble) return look
    return look === 'running' ? undefined : await this.#registers.write(REGISTER_POINTS.rearm, rearm)
  }

  async feed(): Promise<Trouble | undefined> {
    const next = this.#next()
    const trouble = await this.#registers.write(REGISTER_POINTS.feed, next)
    // A feed that is not confirmed may have arrived: the one after it differs from both.
    this.#held = next
    return trouble
  }

  async stop(): Promise<Trouble | undefined> {
    return this.#spec.takesTime
      ? await this.#registers.set(REGISTER_POINTS.time, 0)
      : new Trouble('it has no register that switches it off')
  }

  #next(): number {
    switch (this.#spec.feed) {
      case 'change':
        return this.#held >= REGISTER_MAX ? 0 : this.#held + 1
      case 'toggle':
        return (this.#held & 1) ^ 1
      case 'write':
        return 1
    }
  }
}
