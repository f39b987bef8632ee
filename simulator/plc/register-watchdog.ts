import type { Millis, MonotonicMs } from '../../model/time.ts'
import type { ProcessImage } from '../image.ts'
import type { Request } from '../modbus/request.ts'
import type { Landed, Watchdog, WatchdogState } from './watchdog.ts'

/** A watchdog in the PLC's program: a plain holding register that the master has to keep alive. */
export interface RegisterWatchdogSpec {
  readonly kind: 'register'
  readonly register: number
  /**
   * What counts as a feed. write: any write of the register. change: a write of another value than before, such as a
   * counter's. toggle: a write that flips its lowest bit.
   */
  readonly feed: 'write' | 'change' | 'toggle'
  /** The longest time between two feeds. */
  readonly time: Millis
  /**
   * A holding register with the time in milliseconds, which a master can read and change; 0 switches the watchdog off.
   */
  readonly time_register?: number | undefined
  /** An input register with the state: 0 off, 1 running, 2 expired. */
  readonly status_register?: number | undefined
  /** Whether it runs from the start on, or waits for the first feed. */
  readonly armed: 'start' | 'feed'
  /** What ends the fallback: this value written into this holding register, or, without it, the next feed. */
  readonly rearm?: { readonly register: number; readonly value: number } | undefined
}

const STATUS = { off: 0, running: 1, expired: 2 } as const satisfies Record<WatchdogState, number>

export class RegisterWatchdog implements Watchdog {
  readonly clearsOutputs = false
  readonly #spec: RegisterWatchdogSpec
  readonly #image: ProcessImage
  #state: WatchdogState
  #fedAt: MonotonicMs

  constructor(spec: RegisterWatchdogSpec, image: ProcessImage, now: MonotonicMs) {
    this.#spec = spec
    this.#image = image
    this.#state = spec.armed === 'start' ? 'running' : 'off'
    this.#fedAt = now
    image.set('holding-register', spec.register, 0)
    if (spec.time_register !== undefined) image.set('holding-register', spec.time_register, spec.time)
    if (spec.rearm) image.set('holding-register', spec.rearm.register, 0)
    this.#show()
  }

  look(now: MonotonicMs): WatchdogState {
    if (this.#state === 'running' && now - this.#fedAt > this.#time) this.#become('expired')
    return this.#state
  }

  /** A program that looks at a register has no way to refuse a request. */
  refuses(): undefined {
    return undefined
  }

  saw(_: Request, landed: readonly Landed[], now: MonotonicMs): void {
    const state = this.look(now)
    for (const cell of landed) {
      if (cell.table !== 'holding-register') continue
      const { rearm, register, time_register } = this.#spec
      if (cell.address === time_register && cell.value === 0) this.#become('off')
      else if (rearm && cell.address === rearm.register) {
        if (state === 'expired' && cell.value === rearm.value) this.#start(now)
      } else if (cell.address === register && this.#feeds(cell) && this.#time !== Number.POSITIVE_INFINITY) {
        if (state !== 'expired' || !rearm) this.#start(now)
      }
    }
  }

  /** 0 in the time register switches it off. */
  get #time(): Millis {
    const { time, time_register } = this.#spec
    if (time_register === undefined) return time
    return this.#image.get('holding-register', time_register) || Number.POSITIVE_INFINITY
  }

  #feeds({ value, before }: Landed): boolean {
    switch (this.#spec.feed) {
      case 'write':
        return true
      case 'change':
        return value !== before
      case 'toggle':
        return ((value ^ before) & 1) === 1
    }
  }

  #start(now: MonotonicMs): void {
    this.#fedAt = now
    this.#become('running')
  }

  #become(state: WatchdogState): void {
    this.#state = state
    this.#show()
  }

  #show(): void {
    const { status_register } = this.#spec
    if (status_register !== undefined) {
      this.#image.set('input-register', status_register, STATUS[this.#state])
    }
  }
}
