import { describeNames, type Names } from './names.ts'
import type { Report } from './problem.ts'
import type { ConfigFile } from './schema.ts'

/** A group names actuators that there are, each in one group at most. */
export function checkTripGroups(file: ConfigFile, names: Names, report: Report): void {
  const groups = new Map<string, string>()
  for (const [group, members] of Object.entries(file.trip_groups)) {
    for (const [index, member] of members.entries()) {
      const at = ['trip_groups', group, index]
      if (!names.actuators.includes(member))
        report(at, `there is no actuator ${member}; there ${describeNames(names.actuators)}`)
      const other = groups.get(member)
      if (other) report(at, `${member} is in the trip group ${other} already`)
      groups.set(member, group)
    }
  }
}

/** Who trips together stops together: a group is driven to safe whole, or kept whole. */
export function checkOnStop(file: ConfigFile, report: Report): void {
  for (const [group, members] of Object.entries(file.trip_groups)) {
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
