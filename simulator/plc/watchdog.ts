import type { MonotonicMs } from '../../model/time.ts'
import type { ProcessImage } from '../image.ts'
import type { Request } from '../modbus/request.ts'
import { BeckhoffWatchdog, type BeckhoffWatchdogSpec } from './beckhoff-watchdog.ts'
import { RegisterWatchdog, type RegisterWatchdogSpec } from './register-watchdog.ts'
import { WagoWatchdog, type WagoWatchdogSpec } from './wago-watchdog.ts'

export type WatchdogSpec = RegisterWatchdogSpec | BeckhoffWatchdogSpec | WagoWatchdogSpec

/** off: it watches nothing, or waits for the first feed. running: it is fed. expired: the fallback is in force. */
export type WatchdogState = 'off' | 'running' | 'expired'

/**
 * What makes a PLC safe without its master: if the master does not feed it in time, outputs take their declared
 * fallback until it is rearmed. Its registers are cells of the process image.
 */
export interface Watchdog {
  /** Its state, having looked at the time. */
  look(now: MonotonicMs): WatchdogState
  /** The exception code that it refuses a request with; undefined lets it pass. */
  refuses(request: Request, now: MonotonicMs): number | undefined
  /** A request was carried out; `landed` are the cells that its values reached, none for a read. */
  saw(request: Request, landed: readonly Landed[], now: MonotonicMs): void
  /**
   * Whether outputs without a declared fallback go to zero, as those of a bus coupler do, or stay as they are.
   */
  readonly clearsOutputs: boolean
}

/** One value of a write that reached the process image, and what was there before. */
export interface Landed {
  readonly table: 'coil' | 'holding-register'
  readonly address: number
  readonly value: number
  readonly before: number
}

/** A watchdog as the plant file declares it; it maps its own registers in the image. */
export function startWatchdog(spec: WatchdogSpec, image: ProcessImage, now: MonotonicMs): Watchdog {
  switch (spec.kind) {
    case 'register':
      return new RegisterWatchdog(spec, image, now)
    case 'beckhoff':
      return new BeckhoffWatchdog(spec, image)
    case 'wago':
      return new WagoWatchdog(spec, image)
  }
}

/** The holding and input registers that a watchdog maps by itself. */
export function watchdogCells(spec: WatchdogSpec): { holding: readonly number[]; input: readonly number[] } {
  switch (spec.kind) {
    case 'register': {
      const { register, time_register, status_register, rearm } = spec
      const given = (...addresses: (number | undefined)[]) =>
        addresses.filter(address => address !== undefined)
      return { holding: given(register, time_register, rearm?.register), input: given(status_register) }
    }
    case 'beckhoff':
      return { holding: BeckhoffWatchdog.registers, input: [] }
    case 'wago':
      return { holding: WagoWatchdog.registers, input: [] }
  }
}
