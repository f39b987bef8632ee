import type { Millis } from '../../model/time.ts'
import { approach } from './valve.ts'

export interface PumpSpec {
  /** Time from standstill to full speed, and back. */
  readonly spin_up: Millis
  /** What it pumps against what; without one it moves no water, only what it cools knows of it. */
  readonly curve?: PumpCurve | undefined
}

/**
 * A centrifugal pump's curve and the pipe that it pumps through. At speed s (0 … 1) and flow q it gives the head
 * H₀·s² − H₀·(q/q₀)², by the affinity laws; the pipe takes the lift and a friction that grows with q².
 */
export interface PumpCurve {
  /** H₀: head at full speed against a closed valve. */
  readonly shutoff_head_m: number
  /** q₀: flow at full speed against no head at all. */
  readonly free_flow_l_s: number
  /** What the water has to be lifted by, at any flow. */
  readonly lift_m: number
  /** What the pipe's friction takes at `free_flow_l_s`. */
  readonly friction_m: number
}

export interface PumpState {
  /** 0 standstill … 1 full speed. */
  readonly speed: number
}

/** The pump's speed switch closes here: "running" is what the shaft does, not what the contactor was told. */
const RUNNING_SPEED = 0.9

/** Spins the pump towards `target` (0 off … 1 full speed) for `dt`. */
export function stepPump(spec: PumpSpec, state: PumpState, target: number, dt: Millis): PumpState {
  return { speed: approach(state.speed, target, dt / spec.spin_up) }
}

/** Whether the speed switch says that the pump runs. */
export function isRunning({ speed }: PumpState): boolean {
  return speed >= RUNNING_SPEED
}

/**
 * Flow in litres a second where the pump's curve meets the pipe's: H₀·s² − H₀·(q/q₀)² = lift + friction·(q/q₀)². Too
 * slow for the lift it moves nothing; a check valve keeps water from running back.
 */
export function pumpFlow({ curve }: PumpSpec, { speed }: PumpState): number {
  if (!curve) return 0
  const { shutoff_head_m, free_flow_l_s, lift_m, friction_m } = curve
  const spare_m = shutoff_head_m * speed ** 2 - lift_m
  return spare_m <= 0 ? 0 : free_flow_l_s * Math.sqrt(spare_m / (shutoff_head_m + friction_m))
}

/** Head in metres that the pump gives at its speed and flow. */
export function pumpHead(spec: PumpSpec, state: PumpState): number {
  if (!spec.curve) return 0
  const { shutoff_head_m, free_flow_l_s } = spec.curve
  return shutoff_head_m * (state.speed ** 2 - (pumpFlow(spec, state) / free_flow_l_s) ** 2)
}

/** What circulates of what does at full speed, 0 … 1: what the pump is worth to a loop that it cools. */
export function circulation(spec: PumpSpec, state: PumpState): number {
  const most = pumpFlow(spec, { speed: 1 })
  return most > 0 ? pumpFlow(spec, state) / most : state.speed
}
