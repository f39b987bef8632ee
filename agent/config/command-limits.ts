import { z } from 'zod'
import type { SetpointDomain } from '../../model/setpoint.ts'
import type { Pace } from '../command/pace.ts'
import { timeout } from './forms.ts'
import type { Path } from './problem.ts'

const hourAtMost = timeout.refine(
  ms => ms <= 3_600_000,
  'expected at most 1h: so far back the agent remembers over a restart',
)

/** What an actuator may declare that stands between a command and the plant. None of it stands before its safe state. */
export const commandLimitForms = {
  select_before_operate: timeout
    .refine(ms => ms <= 600_000, 'expected at most 10m: a selection is made just before its command')
    .optional(),
  minimum_interval: hourAtMost.optional(),
  cycles_per_hour: z
    .int('expected how often it may leave its safe state in an hour, such as 10')
    .min(1, 'expected 1 or more: with 0 it could never leave its safe state')
    .max(3600, 'expected at most 3600')
    .optional(),
  rate_of_change: z
    .strictObject(
      {
        by: z.number('expected by how much, such as 10').positive('expected more than 0'),
        per: hourAtMost,
      },
      'expected by how much in what time, such as { by: 10, per: 60s }',
    )
    .optional(),
}

type LimitsFile = z.output<z.ZodObject<typeof commandLimitForms>>

/** Checks what an actuator's limits mean for what it can be set to. */
export function resolvePace(
  file: LimitsFile,
  domain: SetpointDomain,
  hasSafeState: boolean,
  report: (path: Path, message: string) => void,
): Pace {
  const rate = file.rate_of_change
  if (file.cycles_per_hour !== undefined && !hasSafeState) {
    report(
      ['cycles_per_hour'],
      'it counts how often the safe state is left, and this actuator holds where it is: see minimum_interval',
    )
  }
  if (rate && domain.kind === 'positions') {
    report(
      ['rate_of_change'],
      'named positions have no distance: this is for a range. Leave it out, or see minimum_interval',
    )
  }
  if (rate && domain.kind === 'range' && rate.by < domain.step) {
    report(
      ['rate_of_change', 'by'],
      `the setpoint goes in steps of ${domain.step}, so it could never move: expected that or more`,
    )
  }
  return {
    minimumInterval: file.minimum_interval,
    cyclesPerHour: file.cycles_per_hour,
    rateOfChange: rate,
  }
}
