import type { Millis } from '../../model/time.ts'
import { approach } from './valve.ts'

export interface PumpSpec {
  /** Time from standstill to full speed, and back. */
  readonly spin_up: Millis
}

export interface PumpState {
  /** 0 standstill … 1 full speed. */
  readonly speed: number
}

/** The pump's speed switch closes here: "running" is what the shaft does, not what the contactor was told. */
const RUNNING_SPEED = 0.9

/** Spins the pump towards `target` (0 off … 1 on) for `dt`. */
export function stepPump(spec: PumpSpec, state: PumpState, target: number, dt: Millis): PumpState {
  return { speed: approach(state.speed, target, dt / spec.spin_up) }
}

/** Whether the speed switch says that the pump runs. */
export function isRunning({ speed }: PumpState): boolean {
  return speed >= RUNNING_SPEED
}
