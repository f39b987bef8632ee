import { BadReadings } from '../failsafe/bad-readings.ts'
import { inputOf } from '../failsafe/condition.ts'
import type { Monitor } from '../failsafe/monitor.ts'
import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { Clock } from '../model/time.ts'
import type { Config } from './config/config.ts'

/** The alarms about a configuration's readings: each says what looks at the reading and is blind without it. */
export function openBadReadings(
  config: Config,
  monitor: Pick<Monitor, 'latest'>,
  clock: Clock,
  alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm },
): BadReadings {
  return new BadReadings([...config.readings.keys()], monitor, clock, {
    bad: (reading, why) => {
      const blind = guardsOver(config, reading)
      const who = blind.length === 0 ? '' : `. Blind without it: ${blind.join(', ')}`
      alarms.raise('reading-bad', `${reading} is of bad quality: ${why}${who}`, { reading })
    },
    good: reading => alarms.clear('reading-bad', 'it is of good quality again', { reading }),
  })
}

/** What looks at a reading, in words: `the interlock of inlet-valve`. */
function guardsOver({ actuators }: Config, reading: string): string[] {
  return [...actuators.values()].flatMap(({ id, guards }) => {
    const { interlocks, permissives, hold, tripsOn } = guards
    const conditions = {
      limit: tripsOn.limits.map(({ condition }) => condition),
      interlock: interlocks,
      permissive: permissives,
      hold: hold ? [hold.until] : [],
    }
    return Object.entries(conditions)
      .filter(([, of]) => of.some(condition => inputOf(condition) === reading))
      .map(([guard]) => `the ${guard} of ${id}`)
  })
}
