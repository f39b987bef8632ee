import { fstatSync } from 'node:fs'
import type { Logger } from 'pino'
import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { AuditKind } from '../model/audit.ts'
import type { Clock } from '../model/time.ts'
import { eventOf } from './audit/export/event.ts'
import { gapWords } from './audit/export/rfc5424.ts'
import { cursorFile } from './audit/forward/cursor.ts'
import { Forwarder } from './audit/forward/forwarder.ts'
import { JournalCarrier } from './audit/journal/carrier.ts'
import { formatJournalEntry } from './audit/journal/entry.ts'
import type { AuditLog } from './audit/log.ts'
import type { Config } from './config/config.ts'
import { journalCursorPath } from './paths.ts'
import { leadsToJournal } from './service/journal-stream.ts'

/** Where journald listens (systemd-journald.service(8)). */
const SOCKET = '/run/systemd/journal/socket'
/** journald takes 10,000 entries of a service in 30 s and drops the rest: 150 a second leave room for the agent's own lines. */
const PACE = { most: 150, every: 1000 } as const

/** Intents come with every command and are followed by its outcome. They are in the log. */
const LEFT_OUT: ReadonlySet<string> = new Set(['command-intent'])
/** A line of the agent's own has told these at their priority, whatever the disk does: the records are there to be searched. */
const TOLD_BEFORE: ReadonlySet<string> = new Set([
  'alarm',
  'alarm-cleared',
  'alarm-acknowledged',
  'alarm-shelved',
  'alarm-unshelved',
  'alarms-summarised',
] satisfies AuditKind[])

/** Begins to put the audit log's new records into systemd's journal, with fields to search by. `stream` is JOURNAL_STREAM. */
export function openJournal(
  config: Config,
  stream: string | undefined,
  audit: AuditLog,
  clock: Clock,
  log: Logger,
  alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm },
): AsyncDisposable | undefined {
  const socket = socketOf(config.audit.journal, stream)
  if (socket === undefined) return undefined
  let dropped = 0
  const carrier = new JournalCarrier(socket, clock, count => {
    dropped += count
    log.warn(
      { event: 'journal-dropped', dropped },
      `${dropped} audit records were too long for the journal; the log has them`,
    )
  })
  const forwarder = new Forwarder<Buffer>({
    source: audit,
    cursor: cursorFile(journalCursorPath(config)),
    begin: 'end',
    pace: PACE,
    deliver: (entries, stop) => carrier.send(entries, stop),
    format: found => {
      const event = eventOf(found, config)
      if (LEFT_OUT.has(event.kind)) return undefined
      return formatJournalEntry(TOLD_BEFORE.has(event.kind) ? { ...event, severity: 'information' } : event)
    },
    clock,
    // A line of the agent's own, which is in the same journal.
    onGap: gap => log.error({ event: 'journal-gap', first: gap.from, last: gap.to - 1 }, gapWords(gap)),
    onTrouble: detail => {
      if (detail === undefined) alarms.clear('audit-not-journaled', 'the journal gets audit records again')
      else
        alarms.raise(
          'audit-not-journaled',
          `the journal gets no audit records: ${detail}; they wait in the log`,
        )
    },
  })
  return {
    [Symbol.asyncDispose]: async () => {
      await forwarder[Symbol.asyncDispose]()
      await carrier[Symbol.asyncDispose]()
    },
  }
}

function socketOf(setting: Config['audit']['journal'], stream: string | undefined): string | undefined {
  if (setting === 'off') return undefined
  if (setting !== 'auto') return setting
  return stream !== undefined && [1, 2].some(file => leadsThere(file, stream)) ? SOCKET : undefined
}

function leadsThere(file: number, stream: string): boolean {
  try {
    return leadsToJournal(fstatSync(file), stream)
  } catch {
    return false
  }
}
