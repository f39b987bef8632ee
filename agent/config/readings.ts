import { z } from 'zod'
import type { ReadingConfig } from './config.ts'
import { name, timeout } from './forms.ts'
import { describeNames, type Names } from './names.ts'
import { pointForm, resolvePoint } from './points.ts'
import type { Report } from './problem.ts'

/** A measured value: what interlocks, permissives, limits and holds look at. */
export const readingForm = z.strictObject({
  description: z.string().max(200).default(''),
  device: name,
  point: pointForm,
  unit: z.string().max(20).default(''),
  every: timeout.default(500),
  stale_after: timeout.optional(),
})

export function resolveReadings(
  file: Readonly<Record<string, z.output<typeof readingForm>>>,
  names: Names,
  report: Report,
): ReadonlyMap<string, ReadingConfig> {
  const readings = new Map<string, ReadingConfig>()
  for (const [id, { stale_after, point, ...rest }] of Object.entries(file)) {
    if (!names.devices.includes(rest.device)) {
      report(
        ['readings', id, 'device'],
        `there is no device ${rest.device}; there ${describeNames(names.devices)}`,
      )
    }
    const staleAfter = stale_after ?? rest.every * 4
    if (staleAfter <= rest.every)
      report(['readings', id, 'stale_after'], 'expected more than `every`: it would never be of good quality')
    readings.set(id, { id, ...rest, point: resolvePoint(point), staleAfter })
  }
  return readings
}
