import type { Severity } from '../../model/alarm-form.ts'

/** A limit of two degrees. `critical` is beyond `warn`, on whichever side that is. */
export interface Threshold {
  readonly warn: number
  readonly critical: number
}

/** How loud a value is that should not be above a limit; undefined when it is not. */
export function gradeAbove(value: number, { warn, critical }: Threshold): Severity | undefined {
  return value > critical ? 'critical' : value > warn ? 'warning' : undefined
}

/** How loud a value is that should not be below a limit; undefined when it is not. */
export function gradeBelow(value: number, { warn, critical }: Threshold): Severity | undefined {
  return value < critical ? 'critical' : value < warn ? 'warning' : undefined
}
