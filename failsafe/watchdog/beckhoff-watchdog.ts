import type { Millis } from '../../model/time.ts'
import { type Registers, Trouble } from './registers.ts'
import type { Look, Watchdog } from './watchdog.ts'

/** The names of its points, and the holding registers that they are. */
export const BECKHOFF_REGISTERS = {
  'watchdog.status': 0x100c,
  'watchdog.time': 0x1120,
  'watchdog.reset': 0x1121,
  'watchdog.type': 0x1122,
} as const

/** The watchdog of a Beckhoff BK9000-type coupler. */
export interface BeckhoffWatchdogSpec {
  readonly kind: 'beckhoff'
  readonly time: Millis
  /** What feeds it: any telegram to process data, or only those that write. */
  readonly type: 'telegram' | 'write-telegram'
  /** The point that is read, or written with 0, to feed it. */
  readonly feed: string
}

const STATUS_EXPIRED = 0x8000
const RESET_FIRST = 0xbecf
const RESET_SECOND = 0xaffe

/**
 * The watchdog of a Beckhoff BK9000-type coupler (Beckhoff, Documentation BK9000, BK9050, BK9100, "Modbus TCP interface"): the time is
 * in 0x1120, in ms, and 0x1122 says what feeds it; both can be written only while it does not run. The first write of process data
 * starts it. When its time is over the coupler sets its outputs to 0 and answers process data with exception 4, until 0xBECF
 * and then 0xAFFE are written into 0x1121. It cannot be stopped while it runs.
 */
export class BeckhoffWatchdog implements Watchdog {
  readonly #spec: BeckhoffWatchdogSpec
  readonly #registers: Registers

  constructor(spec: BeckhoffWatchdogSpec, registers: Registers) {
    this.#spec = spec
    this.#registers = registers
  }

  get time(): Millis {
    return this.#spec.time
  }

  async look(): Promise<Look | Trouble> {
    const status = await this.#registers.read('watchdog.status')
    if (status instanceof Trouble) return status
    return (status & STATUS_EXPIRED) === 0 ? 'ready' : 'expired'
  }

  async clear(): Promise<Trouble | undefined> {
    return (
      (await this.#registers.write('watchdog.reset', RESET_FIRST)) ??
      (await this.#registers.write('watchdog.reset', RESET_SECOND))
    )
  }

  async arm(): Promise<Trouble | undefined> {
    const { type, time } = this.#spec
    return (
      (await this.#registers.set('watchdog.type', type === 'telegram' ? 1 : 0)) ??
      (await this.#registers.set('watchdog.time', time))
    )
  }

  async feed(): Promise<Trouble | undefined> {
    const { type, feed } = this.#spec
    if (type === 'write-telegram') return await this.#registers.write(feed, 0)
    const read = await this.#registers.read(feed)
    return read instanceof Trouble ? read : undefined
  }

  async stop(): Promise<Trouble> {
    return new Trouble('this coupler does not let its watchdog be stopped while it runs')
  }
}
