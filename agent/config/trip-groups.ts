import { z } from 'zod'
import type { TripGroup } from '../../failsafe/trip-group.ts'
import { name, timeout } from './forms.ts'
import { describeNames, type Names } from './names.ts'
import type { Report } from './problem.ts'
import type { ConfigFile } from './schema.ts'

const step = z.union(
  [
    name.transform(actuator => ({ actuator, after: undefined, delay: undefined })),
    z.strictObject({
      actuator: name,
      after: z.enum(['written', 'verified']).optional(),
      delay: timeout.optional(),
    }),
  ],
  'expected a step: an actuator, or { actuator: inlet-valve, after: verified, delay: 2s }',
)

/** Actuators that trip together, in this order. */
export const tripGroupForm = z.array(step).min(1, 'expected at least one actuator')

type TripGroupsFile = Readonly<Record<string, z.output<typeof tripGroupForm>>>

/** A group names actuators that there are, each once and in one group. */
export function resolveTripGroups(
  file: TripGroupsFile,
  names: Names,
  report: Report,
): ReadonlyMap<string, TripGroup> {
  const groups = new Map<string, string>()
  for (const [group, steps] of Object.entries(file)) {
    for (const [index, { actuator, after, delay }] of steps.entries()) {
      const at = ['trip_groups', group, index]
      if (index === 0 && (after !== undefined || delay !== undefined))
        report(at, 'nothing goes before the first step: it waits for nothing. Leave out `after` and `delay`')
      if (!names.actuators.includes(actuator))
        report(at, `there is no actuator ${actuator}; there ${describeNames(names.actuators)}`)
      const other = groups.get(actuator)
      if (other === group)
        report(
          at,
          `${actuator} is a step of this group already: a group that came back to it would never end`,
        )
      else if (other) report(at, `${actuator} is in the trip group ${other} already`)
      groups.set(actuator, group)
    }
  }
  return new Map(
    Object.entries(file).map(([group, steps]) => [
      group,
      steps.map(({ actuator, after, delay }) => ({ actuator, after: after ?? 'written', delay: delay ?? 0 })),
    ]),
  )
}

/** Who trips together stops together: a group is driven to safe whole, or kept whole. */
export function checkOnStop(file: ConfigFile, report: Report): void {
  for (const [group, steps] of Object.entries(file.trip_groups)) {
    const members = steps.map(({ actuator }) => actuator)
    const driven = members.find(member => file.actuators[member]?.on_stop === 'safe')
    if (driven === undefined) continue
    for (const member of members) {
      if (file.actuators[member]?.on_stop !== 'keep') continue
      report(
        ['actuators', member, 'on_stop'],
        `it trips together with ${driven} (trip group ${group}), which is driven to safe when the agent stops: expected safe`,
      )
    }
  }
}
