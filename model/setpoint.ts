/** What an actuator can be told: the name of a position (`open`), or a value in its engineering unit. */
export type Setpoint = string | number

/** One allowed value of a discrete actuator: what is written for it and what its feedback then shows. */
export interface Position {
  readonly write: number
  readonly feedback: number
}

/**
 * What an actuator can be set to. A discrete actuator has named positions; a continuous one has a range in its
 * engineering unit, and its feedback is in that unit too.
 */
export type SetpointDomain =
  | { readonly kind: 'positions'; readonly positions: ReadonlyMap<string, Position> }
  | {
      readonly kind: 'range'
      readonly min: number
      readonly max: number
      readonly step: number
      readonly unit: string
    }

/** A setpoint that the actuator can take, with the value to write and the feedback to expect. */
export interface Target {
  readonly setpoint: Setpoint
  readonly write: number
  readonly feedback: number
}

/** Binary fractions have no 0.1: 0.3 / 0.1 is a little less than 3 to a machine, and 3 to everybody else. */
const STEP_SLACK = 1e-6

/** Finds what to write for a setpoint; undefined when the actuator has no such position or it is out of range. */
export function resolveSetpoint(domain: SetpointDomain, setpoint: Setpoint): Target | undefined {
  switch (domain.kind) {
    case 'positions': {
      const position = typeof setpoint === 'string' ? domain.positions.get(setpoint) : undefined
      return position && { setpoint, ...position }
    }
    case 'range': {
      if (typeof setpoint !== 'number' || !Number.isFinite(setpoint)) return undefined
      if (setpoint < domain.min || setpoint > domain.max) return undefined
      const steps = (setpoint - domain.min) / domain.step
      if (Math.abs(steps - Math.round(steps)) > STEP_SLACK) return undefined
      return { setpoint, write: setpoint, feedback: setpoint }
    }
  }
}

/** The setpoint that a feedback value stands for: a position's name, a value, or undefined while between positions. */
export function setpointAt(
  domain: SetpointDomain,
  feedback: number,
  tolerance: number,
): Setpoint | undefined {
  if (domain.kind === 'range') return feedback
  for (const [name, position] of domain.positions) {
    if (Math.abs(position.feedback - feedback) <= tolerance) return name
  }
  return undefined
}

/** Says in words what a domain allows, for messages: `open or closed`, `0 to 100 %`. */
export function describeDomain(domain: SetpointDomain): string {
  if (domain.kind === 'range')
    return (
      `${domain.min} to ${domain.max} ${domain.unit}`.trim() +
      (domain.step === 1 ? '' : ` in steps of ${domain.step}`)
    )
  return [...domain.positions.keys()].join(' or ')
}
