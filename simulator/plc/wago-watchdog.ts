import type { Millis, MonotonicMs } from '../../model/time.ts'
import type { ProcessImage } from '../image.ts'
import { DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_VALUE, type Request } from '../modbus/request.ts'
import type { Landed, Watchdog, WatchdogState } from './watchdog.ts'

/** What a plant file says of a WAGO coupler: the time at power-up. */
export interface WagoWatchdogSpec {
  readonly kind: 'wago'
  /** Whole tenths of a second. */
  readonly time: Millis
}

/** The time in steps of 100 ms; not while it runs. */
const TIME = 0x1000
const TIME_STEP: Millis = 100
/** The functions that feed it: bit 0 is function 1. 0x1001 has 1 to 16, 0x1002 has 17 to 32. Not while it runs. */
const MASK = 0x1001
const MASK_HIGH = 0x1002
/** A first value other than 0 starts it, each change feeds it. */
const TRIGGER = 0x1003
/** The shortest time that was left at a feed, in steps of 100 ms; 0 after it has expired. */
const SHORTEST = 0x1004
/** Stops it: 0xAAAA, then 0x5555. */
const STOP = 0x1005
const STOP_FIRST = 0xaaaa
const STOP_SECOND = 0x5555
/** 0 off, 1 running, 2 expired. Read only. */
const RUNNING = 0x1006
/** 1 starts it again, unless it was stopped. */
const RESTART = 0x1007
/** Stops it: 0xAA55 or 0x55AA. */
const STOP_SIMPLE = 0x1008
/** 1: the alternative watchdog: every request feeds it, and it recovers by itself. */
const ALTERNATIVE = 0x100a

/**
 * A watchdog that behaves like that of a WAGO 750 fieldbus coupler (WAGO-I/O-SYSTEM 750, ETHERNET TCP/IP manuals,
 * chapter "Watchdog (Fieldbus failure)", registers 0x1000 to 0x1008 and 0x100A): off at power-up. The master sets the
 * time and the mask of the functions that feed it, and starts it with a value other than 0 in 0x1003. When its time is
 * over, outputs go to zero or their declared fallback, and every request but those for its own registers is answered
 * with exception 4 until it is stopped or restarted.
 *
 * 0x1009, which closes sockets, is not there. Each of its registers is written one at a time, as the manual says.
 */
export class WagoWatchdog implements Watchdog {
  static readonly registers: readonly number[] = [
    TIME,
    MASK,
    MASK_HIGH,
    TRIGGER,
    SHORTEST,
    STOP,
    RUNNING,
    RESTART,
    STOP_SIMPLE,
    ALTERNATIVE,
  ]
  readonly clearsOutputs = true
  readonly #image: ProcessImage
  #state: WatchdogState = 'off'
  #fedAt: MonotonicMs = 0

  constructor({ time }: WagoWatchdogSpec, image: ProcessImage) {
    this.#image = image
    for (const address of WagoWatchdog.registers) this.#set(address, 0)
    this.#set(TIME, Math.round(time / TIME_STEP))
    this.#set(SHORTEST, 0xffff)
    this.#set(RESTART, 1)
  }

  look(now: MonotonicMs): WatchdogState {
    if (this.#state === 'running' && now - this.#fedAt > this.#time) {
      this.#state = 'expired'
      this.#set(SHORTEST, 0)
      this.#set(RUNNING, 2)
    }
    return this.#state
  }

  refuses(request: Request, now: MonotonicMs): number | undefined {
    const state = this.look(now)
    if (!isOwn(request)) {
      const isLocked = state === 'expired' && this.#get(ALTERNATIVE) === 0
      return isLocked ? DEVICE_FAILURE : undefined
    }
    if (request.kind === 'read') return undefined
    const [value = 0] = request.values
    const { address } = request
    if (request.values.length > 1 || address === RUNNING) return ILLEGAL_ADDRESS
    const isFixed = address === TIME || address === MASK || address === MASK_HIGH || address === ALTERNATIVE
    if (isFixed && state === 'running') return ILLEGAL_VALUE
    if (address === SHORTEST && value === 0) return ILLEGAL_VALUE
    if (address === ALTERNATIVE && value > 1) return ILLEGAL_VALUE
    return undefined
  }

  saw(request: Request, landed: readonly Landed[], now: MonotonicMs): void {
    this.look(now)
    const [own] = isOwn(request) ? landed : []
    if (own) this.#command(own, now)
    else if (this.#get(ALTERNATIVE) === 1) this.#feed(now)
    else if (this.#state === 'running' && this.#isMasked(request.functionCode)) this.#feed(now)
  }

  #command({ address, value, before }: Landed, now: MonotonicMs): void {
    switch (address) {
      case TRIGGER:
        if (this.#state === 'expired' || value === before) return
        // The first value that starts it is any but 0; afterwards every change counts.
        if (this.#state === 'running' || value !== 0) this.#feed(now)
        return
      case STOP:
        if (before === STOP_FIRST && value === STOP_SECOND) this.#stop()
        return
      case STOP_SIMPLE:
        if (value === 0xaa55 || value === 0x55aa) this.#stop()
        return
      case RESTART:
        if (value === 1 && this.#state !== 'off') this.#start(now)
        return
    }
  }

  /** Starts it too when it was off, or when the alternative one had expired. */
  #feed(now: MonotonicMs): void {
    if (this.#time === 0) return
    if (this.#state === 'running') {
      const left = Math.floor((this.#time - (now - this.#fedAt)) / TIME_STEP)
      this.#set(SHORTEST, Math.min(this.#get(SHORTEST), left))
    }
    this.#start(now)
  }

  #start(now: MonotonicMs): void {
    this.#state = 'running'
    this.#fedAt = now
    this.#set(RUNNING, 1)
  }

  #stop(): void {
    this.#state = 'off'
    this.#set(RUNNING, 0)
  }

  get #time(): Millis {
    return this.#get(TIME) * TIME_STEP
  }

  #isMasked(functionCode: number): boolean {
    const [mask, bit] =
      functionCode <= 16 ? [this.#get(MASK), functionCode - 1] : [this.#get(MASK_HIGH), functionCode - 17]
    return ((mask >> bit) & 1) === 1
  }

  #get(address: number): number {
    return this.#image.get('holding-register', address)
  }

  #set(address: number, value: number): void {
    this.#image.set('holding-register', address, value)
  }
}

/** Whether a request is for the watchdog's own registers. */
function isOwn({ table, address }: Request): boolean {
  return table === 'holding-register' && WagoWatchdog.registers.includes(address)
}
