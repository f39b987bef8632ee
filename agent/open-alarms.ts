import type { Logger } from 'pino'
import type { Severity } from '../model/alarm-form.ts'
import type { AuditEntry } from '../model/audit.ts'
import type { Clock } from '../model/time.ts'
import { alarmFile } from './alarms/alarm-file.ts'
import { type AlarmListener, Alarms, type AlarmTold } from './alarms/alarms.ts'
import type { Config } from './config/config.ts'
import { loadIfReadable } from './kept-state.ts'
import { alarmPath } from './paths.ts'

const LEVELS: Readonly<Record<Severity, 'error' | 'warn' | 'info'>> = {
  critical: 'error',
  warning: 'warn',
  notice: 'info',
}

/** Where alarms go: the journal at once; the audit log and whoever delivers them once they are there. */
export class AlarmOutlets implements AlarmListener {
  readonly #log: Logger
  readonly #more: ((told: AlarmTold) => void)[] = []
  /** What was raised before there was an audit log to write it to. */
  #early: AuditEntry[] | undefined = []
  #audit: { note(entry: AuditEntry): void } | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  recordTo(audit: { note(entry: AuditEntry): void }): void {
    this.#audit = audit
    for (const entry of this.#early ?? []) audit.note(entry)
    this.#early = undefined
  }

  alsoTell(listener: (told: AlarmTold) => void): void {
    this.#more.push(listener)
  }

  note(entry: AuditEntry): void {
    if (this.#audit) this.#audit.note(entry)
    else this.#early?.push(entry)
  }

  told(told: AlarmTold): void {
    this.#write(told)
    for (const listener of this.#more) listener(told)
  }

  surplus(name: string, count: number): void {
    this.#log.warn(
      { event: 'alarms-summarised', name, count },
      `${count} more alarms ${name}, not told one by one`,
    )
  }

  #write({ news, alarm, over }: AlarmTold): void {
    const { id, name, about, severity, detail, seen, shelf } = alarm
    const of = { alarm_id: id, ...about }
    switch (news) {
      case 'raised':
      case 'unshelved':
        return this.#log[LEVELS[severity]]({ alarm: name, severity, ...of }, detail)
      case 'cleared':
        return this.#log.info({ cleared: name, ...of }, over ?? `it is over: ${detail}`)
      case 'acknowledged':
        return this.#log.info({ acknowledged: name, by: seen?.by, ...of }, detail)
      case 'shelved':
        return this.#log.warn({ shelved: name, by: shelf?.by, ...of, reason: shelf?.reason }, detail)
    }
  }
}

/**
 * Takes up the alarms that stood when an earlier run ended. They are told whatever the disk does. Throws StartFailure when a newer program
 * kept them.
 */
export async function openAlarms(
  config: Config,
  clock: Clock,
  log: Logger,
): Promise<{ readonly alarms: Alarms; readonly outlets: AlarmOutlets }> {
  const file = alarmFile(alarmPath(config))
  const kept = await loadIfReadable(file)
  const outlets = new AlarmOutlets(log)
  const isLost = kept instanceof Error
  const alarms = new Alarms(file, isLost ? undefined : kept, clock, outlets)
  if (isLost)
    alarms.raise('alarms-not-kept', `${file.path} cannot be read: ${kept.message}; the list begins anew`)
  return { alarms, outlets }
}
