import type { Millis } from '../../model/time.ts'

/** A body that is heated, and cooled towards ambient: a little by itself, much more when coolant circulates. */
export interface CoolingLoopSpec {
  /** Heat that warms the loop by one kelvin. */
  readonly thermal_mass_kj_per_k: number
  readonly heat_load_kw: number
  readonly ambient_c: number
  /** What the pumps at full speed carry off for each kelvin above ambient. */
  readonly cooling_kw_per_k: number
  /** What is lost with no pump running, for each kelvin above ambient. */
  readonly loss_kw_per_k: number
}

export interface CoolingLoopState {
  readonly temperature_c: number
  /** Mean heat carried off over the last step: negative when ambient warms the loop. */
  readonly removed_kw: number
}

/**
 * Heats and cools the loop for `dt` with its pumps at `circulation` (0 none … 1 full speed). Heat in = heat removed +
 * what the loop stored. It is the closed solution of the balance, so it is stable for any step and any thermal mass.
 */
export function stepCoolingLoop(
  spec: CoolingLoopSpec,
  state: CoolingLoopState,
  circulation: number,
  dt: Millis,
): CoolingLoopState {
  const seconds = dt / 1000
  const conductance = spec.loss_kw_per_k + spec.cooling_kw_per_k * circulation
  const net_kw = spec.heat_load_kw - conductance * (state.temperature_c - spec.ambient_c)
  // As the temperature moves, the net heat fades by exp(-x) until the step's end; this is its mean over the step.
  // expm1 keeps the digits that 1 - exp(-x) loses for a short step on a large mass.
  const x = (conductance * seconds) / spec.thermal_mass_kj_per_k
  const mean_kw = x > 0 ? (net_kw * -Math.expm1(-x)) / x : net_kw
  return {
    temperature_c: state.temperature_c + (mean_kw * seconds) / spec.thermal_mass_kj_per_k,
    removed_kw: spec.heat_load_kw - mean_kw,
  }
}
