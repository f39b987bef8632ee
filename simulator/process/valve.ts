import type { Millis } from '../../model/time.ts'

/** A motor-driven valve with a linear characteristic. */
export interface ValveSpec {
  /** Time from closed to open, and back. */
  readonly stroke_time: Millis
  /** Flow when fully open. */
  readonly flow_l_s: number
  /** Flow when fully closed: no valve seals perfectly. */
  readonly leakage_l_s: number
}

export interface ValveState {
  /** 0 closed … 1 open. */
  readonly position: number
}

/** Below this distance a stroke has arrived, so that thirty tenths of 1/30 make exactly one. */
const ARRIVED = 1e-9

/** Moves the valve towards `target` (0 closed … 1 open) for `dt`, at the speed that its stroke time gives. */
export function stepValve(spec: ValveSpec, state: ValveState, target: number, dt: Millis): ValveState {
  return { position: approach(state.position, target, dt / spec.stroke_time) }
}

/** Flow through the valve in litres a second. */
export function valveFlow(spec: ValveSpec, { position }: ValveState): number {
  return spec.leakage_l_s + (spec.flow_l_s - spec.leakage_l_s) * position
}

/** Moves `from` towards `to` by at most `most`; lands on `to` exactly. */
export function approach(from: number, to: number, most: number): number {
  return Math.abs(to - from) <= most + ARRIVED ? to : from + Math.sign(to - from) * most
}
