import type { Driver } from '../../drivers/driver.ts'
import type { Setpoint } from '../../model/setpoint.ts'
import type { Millis } from '../../model/time.ts'
import type { WatchdogSpec } from './watchdog.ts'

/** A device with a watchdog, and the outputs on it that the watchdog makes safe. */
export interface GuardedDevice {
  readonly id: string
  readonly driver: Driver
  /** Deadline of one read or write. */
  readonly timeout: Millis
  readonly watchdog: WatchdogSpec
  /** What becomes of its watchdog when the agent is stopped in order. */
  readonly onStop: 'leave' | 'stop'
  readonly outputs: readonly GuardedOutput[]
}

/** An output that falls back: to what, and to what it should. */
export interface GuardedOutput {
  readonly actuator: string
  readonly commandPoint: string
  /** Whether the command stays in the device until the next one; that of a pulse does not. */
  readonly staysCommanded: boolean
  /** The point that shows what the output falls back to, in the unit of the command. Undefined where the kind of device says it. */
  readonly fallbackPoint: string | undefined
  /** The declared safe state and what is written for it; undefined where it is to stay as it is. */
  readonly safe: { readonly setpoint: Setpoint; readonly write: number } | undefined
  /** The difference that the device cannot tell. */
  readonly tolerance: number
}
