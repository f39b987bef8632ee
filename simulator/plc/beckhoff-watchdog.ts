import type { Millis, MonotonicMs } from '../../model/time.ts'
import type { ProcessImage } from '../image.ts'
import { DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_VALUE, type Request } from '../modbus/request.ts'
import type { Landed, Watchdog, WatchdogState } from './watchdog.ts'

/** What a plant file says of a Beckhoff coupler: what its registers hold at power-up. */
export interface BeckhoffWatchdogSpec {
  readonly kind: 'beckhoff'
  readonly time: Millis
  readonly type: 'telegram' | 'write-telegram'
}

/** Coupler status; bit 15 says that the watchdog's time has elapsed. Read only. */
const STATUS = 0x100c
const STATUS_ELAPSED = 0x8000
/** The watchdog's current time in ms. Read only. */
const CURRENT = 0x1020
/** The preset time in ms; 0 switches it off. Writable only while it does not run. */
const TIME = 0x1120
/** Reset: 0xBECF, then 0xAFFE. */
const RESET = 0x1121
const RESET_FIRST = 0xbecf
const RESET_SECOND = 0xaffe
/** 1: any telegram feeds it. 0: write telegrams do. */
const TYPE = 0x1122

/**
 * A watchdog that behaves like that of a Beckhoff BK9000-type coupler (Beckhoff, Documentation BK9000, BK9050, BK9100,
 * and Information System, "Modbus TCP interface"): on as delivered, armed by the first write of process data, fed by
 * each telegram (type 1, the default) or write telegram (type 0) to process data. When its time is over, outputs go to
 * zero or their declared fallback, and process data is answered with exception 4, "watchdog or K-Bus error", until
 * 0xBECF and then 0xAFFE are written into 0x1121. Then it waits for the next first write.
 *
 * Unlike the original it does not ask which master armed it: every one feeds it.
 */
export class BeckhoffWatchdog implements Watchdog {
  static readonly registers: readonly number[] = [STATUS, CURRENT, TIME, RESET, TYPE]
  readonly clearsOutputs = true
  readonly #image: ProcessImage
  #state: WatchdogState = 'off'
  #fedAt: MonotonicMs = 0

  constructor({ time, type }: BeckhoffWatchdogSpec, image: ProcessImage) {
    this.#image = image
    image.set('holding-register', STATUS, 0)
    image.set('holding-register', CURRENT, time)
    image.set('holding-register', TIME, time)
    image.set('holding-register', RESET, 0)
    image.set('holding-register', TYPE, type === 'telegram' ? 1 : 0)
  }

  look(now: MonotonicMs): WatchdogState {
    const time = this.#register(TIME)
    if (this.#state === 'running' && now - this.#fedAt > time) {
      this.#state = 'expired'
      this.#image.set('holding-register', STATUS, STATUS_ELAPSED)
    }
    const left = this.#state === 'running' ? Math.ceil(time - (now - this.#fedAt)) : time
    this.#image.set('holding-register', CURRENT, this.#state === 'expired' ? 0 : left)
    return this.#state
  }

  refuses(request: Request, now: MonotonicMs): number | undefined {
    const state = this.look(now)
    if (!isOwn(request)) return state === 'expired' ? DEVICE_FAILURE : undefined
    if (request.kind === 'read') return undefined
    for (const [i, value] of request.values.entries()) {
      const address = request.address + i
      if (address === STATUS || address === CURRENT) return ILLEGAL_ADDRESS
      if ((address === TIME || address === TYPE) && state === 'running') return ILLEGAL_VALUE
      if (address === TYPE && value > 1) return ILLEGAL_VALUE
    }
    return undefined
  }

  saw(request: Request, landed: readonly Landed[], now: MonotonicMs): void {
    const state = this.look(now)
    for (const { address, value, before } of landed) {
      if (isOwn(request) && address === RESET && before === RESET_FIRST && value === RESET_SECOND) {
        if (state === 'expired') this.#state = 'off'
        this.#image.set('holding-register', STATUS, 0)
      }
    }
    if (isOwn(request) || this.#state === 'expired' || this.#register(TIME) === 0) return
    if (request.kind === 'write') this.#state = 'running'
    if (request.kind === 'write' || this.#register(TYPE) === 1) this.#fedAt = now
  }

  #register(address: number): number {
    return this.#image.get('holding-register', address)
  }
}

/** Whether a request is for the coupler's own registers, and not for process data. */
function isOwn({ table, address }: Request): boolean {
  return table === 'holding-register' && BeckhoffWatchdog.registers.includes(address)
}
