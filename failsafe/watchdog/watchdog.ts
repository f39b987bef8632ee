import type { Millis } from '../../model/time.ts'
import { BeckhoffWatchdog, type BeckhoffWatchdogSpec } from './beckhoff-watchdog.ts'
import { RegisterWatchdog, type RegisterWatchdogSpec } from './register-watchdog.ts'
import type { Registers, Trouble } from './registers.ts'
import { WagoWatchdog, type WagoWatchdogSpec } from './wago-watchdog.ts'

export type WatchdogSpec = RegisterWatchdogSpec | BeckhoffWatchdogSpec | WagoWatchdogSpec

/**
 * What a device says of its watchdog. `ready`: it has not expired; whether it runs already or waits for the first write, it does not
 * show. `off`: it watches nothing. `expired`: the fallback is in force. `untold`: this device has nothing that shows it.
 */
export type Look = 'running' | 'ready' | 'off' | 'expired' | 'untold'

/**
 * The watchdog in a device: what makes the plant safe when this agent no longer can. One kind of it knows which registers
 * take what. None of these calls writes an output; none throws.
 */
export interface Watchdog {
  /** The longest time between two feeds. */
  readonly time: Millis
  look(): Promise<Look | Trouble>
  /** After it has expired: makes the device answer again, where it refuses everything meanwhile. Outputs stay at their fallback. */
  clear(): Promise<Trouble | undefined>
  /** Sets it as declared, verifies that by reading it back, and makes it ready for the feed that starts it. */
  arm(): Promise<Trouble | undefined>
  feed(): Promise<Trouble | undefined>
  /** Switches it off: from then on the device keeps its outputs whatever becomes of this agent. */
  stop(): Promise<Trouble | undefined>
}

export function watchdogOf(spec: WatchdogSpec, registers: Registers): Watchdog {
  switch (spec.kind) {
    case 'register':
      return new RegisterWatchdog(spec, registers)
    case 'beckhoff':
      return new BeckhoffWatchdog(spec, registers)
    case 'wago':
      return new WagoWatchdog(spec, registers)
  }
}
