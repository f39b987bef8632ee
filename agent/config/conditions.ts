import { z } from 'zod'
import type { Condition } from '../../failsafe/condition.ts'
import { resolveSetpoint } from '../../model/setpoint.ts'
import type { ActuatorConfig, ReadingConfig } from './config.ts'
import { name } from './forms.ts'
import { describeNames, type Names } from './names.ts'
import type { Path, Report } from './problem.ts'

/** A condition over a reading has one limit: with none, or with both, nobody knows what was meant. */
export const oneLimit = [
  ({ above, below }: { readonly above?: number | undefined; readonly below?: number | undefined }): boolean =>
    (above === undefined) !== (below === undefined),
  'expected exactly one of above and below',
] as const

const overReading = z
  .strictObject({ reading: name, above: z.number().optional(), below: z.number().optional() })
  .refine(...oneLimit)
const overActuator = z.strictObject({ actuator: name, is: z.union([z.string(), z.number()]) })

/** What must hold: `{ reading: tank-level, below: 2650 }` or `{ actuator: coolant-pump, is: on }`. */
export const conditionForm = z.union(
  [overReading, overActuator],
  'expected a condition such as { reading: tank-level, below: 2650 } or { actuator: coolant-pump, is: "on" }',
)

export type ConditionFile = z.output<typeof conditionForm>

/** What conditions may name. */
export interface Conditionable {
  readonly names: Names
  readonly readings: ReadonlyMap<string, ReadingConfig>
  readonly actuators: ReadonlyMap<string, Pick<ActuatorConfig, 'domain' | 'tolerance'>>
}

/** Finds what a condition names. Undefined, and reported, where there is no such thing. */
export function resolveCondition(
  file: ConditionFile,
  of: Conditionable,
  path: Path,
  report: Report,
): Condition | undefined {
  if ('reading' in file) {
    const reading = of.readings.get(file.reading)
    if (!reading) {
      // One that is malformed has been reported where it stands.
      if (!of.names.readings.includes(file.reading))
        report(
          [...path, 'reading'],
          `there is no reading ${file.reading}; there ${describeNames(of.names.readings)}`,
        )
      return undefined
    }
    return {
      kind: file.above === undefined ? 'below' : 'above',
      reading: file.reading,
      limit: file.above ?? file.below ?? 0,
      unit: reading.unit,
    }
  }
  const actuator = of.actuators.get(file.actuator)
  if (!actuator) {
    if (!of.names.actuators.includes(file.actuator))
      report(
        [...path, 'actuator'],
        `there is no actuator ${file.actuator}; there ${describeNames(of.names.actuators)}`,
      )
    return undefined
  }
  const target = resolveSetpoint(actuator.domain, file.is)
  if (!target) {
    report([...path, 'is'], `${file.actuator} cannot be ${JSON.stringify(file.is)}`)
    return undefined
  }
  const { setpoint, feedback } = target
  return { kind: 'is', actuator: file.actuator, setpoint, feedback, tolerance: actuator.tolerance }
}
