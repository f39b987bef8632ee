import type { Millis } from '../../model/time.ts'

/** An open tank with upright walls. */
export interface TankSpec {
  readonly area_m2: number
  readonly height_m: number
  /** What the consumers draw for as long as there is water. */
  readonly demand_l_s: number
  /** Level of the overflow pipe: what would stand above it leaves through it. */
  readonly overflow_level_m: number
}

export interface TankState {
  readonly litres: number
  /** Mean flow to the consumers over the last step. */
  readonly outflow_l_s: number
  /** Mean flow through the overflow over the last step. */
  readonly overflow_l_s: number
}

/** Fills with `inflow_l_s` and draws the demand for `dt`. Water in = outflow + overflow + what the tank gained. */
export function stepTank(spec: TankSpec, state: TankState, inflow_l_s: number, dt: Millis): TankState {
  const seconds = dt / 1000
  const available = state.litres + inflow_l_s * seconds
  const drawn = Math.min(spec.demand_l_s * seconds, available)
  const spilled = Math.max(0, available - drawn - litresAt(spec, spec.overflow_level_m))
  return {
    litres: available - drawn - spilled,
    outflow_l_s: drawn / seconds,
    overflow_l_s: spilled / seconds,
  }
}

/** Water level in metres. */
export function tankLevel(spec: TankSpec, state: TankState): number {
  return state.litres / (spec.area_m2 * 1000)
}

/** Content in litres at a level in metres. */
export function litresAt(spec: TankSpec, level_m: number): number {
  return level_m * spec.area_m2 * 1000
}
