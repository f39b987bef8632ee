import type { Millis } from '../../model/time.ts'
import { type Registers, Trouble } from './registers.ts'
import type { Look, Watchdog } from './watchdog.ts'

/** The names of its points, and the holding registers that they are. */
export const WAGO_REGISTERS = {
  'watchdog.time': 0x1000,
  'watchdog.mask': 0x1001,
  'watchdog.mask-high': 0x1002,
  'watchdog.trigger': 0x1003,
  'watchdog.status': 0x1006,
  'watchdog.stop': 0x1008,
  'watchdog.alternative': 0x100a,
} as const

/** The watchdog of a WAGO 750 fieldbus coupler. */
export interface WagoWatchdogSpec {
  readonly kind: 'wago'
  /** In whole tenths of a second. */
  readonly time: Millis
}

export const WAGO_STEP: Millis = 100
const RUNNING = 1
const EXPIRED = 2
const STOP = 0xaa55
const REGISTER_MAX = 0xffff

/**
 * The watchdog of a WAGO 750 fieldbus coupler (WAGO-I/O-SYSTEM 750, ETHERNET TCP/IP manuals, "Watchdog (Fieldbus failure)"): off at
 * power-up, started by a value other than 0 in 0x1003 and fed by each change of it. The masks (0x1001, 0x1002) are set to 0, so that
 * no other request feeds it, and the alternative watchdog (0x100A), which every request feeds and which recovers by itself, is
 * switched off. When its time is over the coupler sets its outputs to 0 and answers everything but these registers with exception 4 until
 * 0x1008 stops the watchdog. Registers are written one at a time, as the manual says; stopping it moves nothing.
 */
export class WagoWatchdog implements Watchdog {
  readonly #spec: WagoWatchdogSpec
  readonly #registers: Registers
  #trigger = 0

  constructor(spec: WagoWatchdogSpec, registers: Registers) {
    this.#spec = spec
    this.#registers = registers
  }

  get time(): Millis {
    return this.#spec.time
  }

  async look(): Promise<Look | Trouble> {
    const status = await this.#registers.read('watchdog.status')
    if (status instanceof Trouble) return status
    if (status === EXPIRED) return 'expired'
    return status === RUNNING ? 'running' : 'off'
  }

  async clear(): Promise<Trouble | undefined> {
    return await this.stop()
  }

  async arm(): Promise<Trouble | undefined> {
    const wished = [
      ['watchdog.time', this.#spec.time / WAGO_STEP],
      ['watchdog.mask', 0],
      ['watchdog.mask-high', 0],
      ['watchdog.alternative', 0],
    ] as const
    for (const [point, value] of wished) {
      const held = await this.#registers.read(point)
      if (held instanceof Trouble) return held
      if (held === value) continue
      // It takes none of these while it runs.
      const trouble = (await this.stop()) ?? (await this.#registers.set(point, value))
      if (trouble) return trouble
    }
    const trigger = await this.#registers.read('watchdog.trigger')
    if (trigger instanceof Trouble) return trigger
    this.#trigger = trigger
    return undefined
  }

  async feed(): Promise<Trouble | undefined> {
    // Never 0, which would not start it.
    this.#trigger = this.#trigger >= REGISTER_MAX ? 1 : this.#trigger + 1
    return await this.#registers.write('watchdog.trigger', this.#trigger)
  }

  async stop(): Promise<Trouble | undefined> {
    return await this.#registers.write('watchdog.stop', STOP)
  }
}
