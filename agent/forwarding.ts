import { readFile } from 'node:fs/promises'
import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { Clock } from '../model/time.ts'
import { eventOf } from './audit/export/event.ts'
import { formatCheckpointRfc5424, formatGapRfc5424, formatRfc5424, gapWords } from './audit/export/rfc5424.ts'
import { cursorFile } from './audit/forward/cursor.ts'
import { type Delivery, deliver } from './audit/forward/deliver.ts'
import { Forwarder } from './audit/forward/forwarder.ts'
import type { AuditLog } from './audit/log.ts'
import type { Config, SyslogConfig } from './config/config.ts'
import { cursorPath } from './paths.ts'

/** Begins to send the audit log to another host, where the configuration names one. */
export function openForwarding(
  config: Config,
  audit: AuditLog,
  clock: Clock,
  alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm },
): AsyncDisposable | undefined {
  const { syslog } = config.audit
  if (syslog === undefined) return undefined
  return new Forwarder<string>({
    source: audit,
    cursor: cursorFile(cursorPath(config)),
    deliver: (messages, stop) => deliverTo(syslog, messages, stop),
    format: found => formatRfc5424(eventOf(found, config)),
    formatCheckpoint: checkpoint => formatCheckpointRfc5424(checkpoint, config, clock.wall()),
    formatGap: gap => formatGapRfc5424(gap, config, clock.wall()),
    clock,
    onGap: gap =>
      alarms.raise(
        'audit-sent-with-gap',
        `${syslog.host}:${syslog.port}: ${gapWords(gap)}; what comes after is`,
      ),
    onTrouble: detail => {
      if (detail !== undefined)
        return alarms.raise(
          'audit-not-forwarded',
          `${syslog.host}:${syslog.port} gets no audit records: ${detail}; they wait in the log`,
        )
      alarms.clear('audit-not-forwarded', `${syslog.host}:${syslog.port} gets audit records again`)
    },
  })
}

/** Reads the files anew each time: a certificate that was renewed is taken up without a restart. */
async function deliverTo(
  syslog: SyslogConfig,
  messages: readonly string[],
  stop: AbortSignal,
): Promise<Delivery> {
  const { host, port, end, timeout } = syslog
  try {
    const ca = await readFile(syslog.ca, 'utf8')
    const certificate = syslog.certificate && (await readFile(syslog.certificate, 'utf8'))
    const key = syslog.key && (await readFile(syslog.key, 'utf8'))
    const own = certificate && key ? { certificate, key } : {}
    return await deliver(messages, { host, port, ca, end, timeout, ...own }, stop)
  } catch (error) {
    return { kind: 'failed', detail: `the certificate files cannot be read: ${(error as Error).message}` }
  }
}
