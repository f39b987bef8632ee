import { z } from 'zod'
import type { HoldRule } from '../../failsafe/holds.ts'
import { type Conditionable, conditionForm, oneLimit, resolveCondition } from './conditions.ts'
import type { ActuatorGuards, TripsOn } from './config.ts'
import { timeout } from './forms.ts'
import type { Path, Report } from './problem.ts'

const limit = z
  .strictObject({
    reading: z.string(),
    above: z.number().optional(),
    below: z.number().optional(),
    for: timeout.optional(),
    on_bad_quality: z.enum(['alarm', 'trip']).default('alarm'),
  })
  .refine(...oneLimit)

const tripsOnForm = z.strictObject({
  authentication_failures: z.boolean().default(true),
  operator_heartbeat: timeout.optional(),
  device_unreachable: timeout.optional(),
  feedback_mismatch: timeout.optional(),
  master_key_unavailable: timeout.optional(),
  clock_untrusted: timeout.optional(),
  audit_unwritable: timeout.optional(),
  limits: z.array(limit).default([]),
})

const holdForm = z.strictObject({
  for: timeout,
  until: z
    .strictObject(
      { reading: z.string(), above: z.number().optional(), below: z.number().optional() },
      'expected what is measured, such as { reading: coolant, below: 40 }: thermal inertia is not told by a clock alone',
    )
    .refine(...oneLimit),
})

/** What guards an actuator beside its credentials: what trips it, what must hold, and how long it stays safe. */
export const guardForms = {
  trips_on: tripsOnForm.default({ authentication_failures: true, limits: [] }),
  interlocks: z.array(conditionForm).default([]),
  permissives: z.array(conditionForm).default([]),
  hold: holdForm.optional(),
}

type GuardsFile = z.output<z.ZodObject<typeof guardForms>>

/** Finds what an actuator's guards name, and reports what there is not. */
export function resolveGuards(
  id: string,
  file: GuardsFile,
  of: Conditionable,
  report: Report,
): ActuatorGuards {
  const at = (...steps: Path): Path => ['actuators', id, ...steps]
  const conditions = (key: 'interlocks' | 'permissives') =>
    file[key].flatMap((condition, index) => {
      if ('actuator' in condition && condition.actuator === id)
        report(at(key, index), 'an actuator that waits for itself never moves')
      return resolveCondition(condition, of, at(key, index), report) ?? []
    })
  return {
    tripsOn: resolveTripsOn(file.trips_on, of, at, report),
    interlocks: conditions('interlocks'),
    permissives: conditions('permissives'),
    hold: resolveHold(file.hold, of, at, report),
  }
}

function resolveTripsOn(
  file: GuardsFile['trips_on'],
  of: Conditionable,
  at: (...steps: Path) => Path,
  report: Report,
): TripsOn {
  return {
    authenticationFailures: file.authentication_failures,
    operatorHeartbeat: file.operator_heartbeat,
    deviceUnreachable: file.device_unreachable,
    feedbackMismatch: file.feedback_mismatch,
    masterKeyUnavailable: file.master_key_unavailable,
    clockUntrusted: file.clock_untrusted,
    auditUnwritable: file.audit_unwritable,
    limits: file.limits.flatMap((of_, index) => {
      const { reading, above, below } = of_
      // A limit is what must not be: what must hold is the other side of it.
      const must = { reading, ...(above === undefined ? { above: below } : { below: above }) }
      const condition = resolveCondition(must, of, at('trips_on', 'limits', index), report)
      return condition
        ? [{ condition, after: of_.for ?? 0, tripsOnBadQuality: of_.on_bad_quality === 'trip' }]
        : []
    }),
  }
}

function resolveHold(
  file: GuardsFile['hold'],
  of: Conditionable,
  at: (...steps: Path) => Path,
  report: Report,
): HoldRule | undefined {
  if (!file) return undefined
  const until = resolveCondition(file.until, of, at('hold', 'until'), report)
  return until && { atLeast: file.for, until }
}
