import { KeptFile } from '../../keep/kept-file.ts'
import { ALARM_NAMES } from '../../model/alarm.ts'
import type { StandingAlarm } from './standing.ts'

/** What is kept of the alarms over a restart. */
export interface KeptAlarms {
  /** The id of the next new alarm. */
  readonly next: number
  readonly standing: readonly StandingAlarm[]
}

export type AlarmFile = KeptFile<KeptAlarms>

/** The alarm file. An alarm of a name that this version does not know is left out; loading throws when nothing can be understood. */
export function alarmFile(path: string): AlarmFile {
  return new KeptFile(path, json => {
    const { next, standing } = (json ?? {}) as Record<string, unknown>
    if (!Number.isSafeInteger(next) || !Array.isArray(standing) || !standing.every(isStanding))
      return undefined
    return { next: next as number, standing: standing.filter(({ name }) => ALARM_NAMES.includes(name)) }
  })
}

function isStanding(value: unknown): value is StandingAlarm {
  const { id, name, about, severity, detail, active, count, first, last, seen, shelf } = (value ??
    {}) as Record<string, unknown>
  const isText = [name, detail].every(text => typeof text === 'string')
  const isNumber = [id, count, first, last].every(number => typeof number === 'number')
  const isObject = typeof about === 'object' && about !== null
  const isKnown = severity === 'critical' || severity === 'warning' || severity === 'notice'
  return (
    isText && isNumber && isObject && isKnown && typeof active === 'boolean' && isSeen(seen) && isShelf(shelf)
  )
}

function isSeen(value: unknown): boolean {
  if (value === undefined) return true
  const { by, at } = (value ?? {}) as Record<string, unknown>
  return typeof by === 'string' && typeof at === 'number'
}

function isShelf(value: unknown): boolean {
  if (value === undefined) return true
  const { until, reason } = (value ?? {}) as Record<string, unknown>
  return isSeen(value) && typeof until === 'number' && typeof reason === 'string'
}
