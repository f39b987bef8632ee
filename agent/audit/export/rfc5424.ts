import { plain } from '../../../model/plain.ts'
import type { UnixMs } from '../../../model/time.ts'
import type { Gap } from '../forward/damage.ts'
import type { SignedCheckpoint } from '../store.ts'
import { type Event, type Source, textOf } from './event.ts'
import { type Severity, SYSLOG_FACILITY, SYSLOG_LEVELS } from './severity.ts'

/**
 * Private enterprise number of the structured data's name (RFC 5424 §7.2.2). 32473 is the one for examples (RFC 5612): a site
 * that has a number of its own may rename the element on its way.
 */
const ELEMENT = 'holdfast@32473'

/** Members that become parameters of the structured data, in this order. */
const PARAMETERS = [
  ...['seq', 'boot', 'kind', 'issuer', 'by', 'subject', 'credential', 'channel', 'identity'],
  ...['channel_identity', 'source', 'actuator'],
  ...['asked', 'found', 'outcome', 'code', 'cause', 'alarm', 'latency_ms'],
] as const

/** One record as a syslog message (RFC 5424), without a line end. */
export function formatRfc5424({ source, record, severity, time, kind, words }: Event): string {
  const parameters = PARAMETERS.flatMap(name => {
    const value = textOf(record[name])
    return value === undefined ? [] : [` ${name}="${escapeParameter(value)}"`]
  })
  return message(source, severity, time, kind, parameters.join(''), words)
}

/**
 * A signed checkpoint as a syslog message, without a line end. It is the MSGID that tells it from a record. The note is in base64, as it
 * has lines, and receivers do with line ends what they like.
 */
export function formatCheckpointRfc5424(
  { size, note }: SignedCheckpoint,
  source: Source,
  time: UnixMs,
): string {
  const [, , root = ''] = note.split('\n')
  const parameters = ` size="${size}" root="${root}" note="${Buffer.from(note).toString('base64')}"`
  return message(source, 'information', time, 'checkpoint', parameters, `${size} records, root ${root}`)
}

/** That records are not sent, as they cannot be read: a syslog message without a line end, in the place where they would be. */
export function formatGapRfc5424(
  { from, to }: Pick<Gap, 'from' | 'to'>,
  source: Source,
  time: UnixMs,
): string {
  const parameters = ` first="${from}" last="${to - 1}"`
  return message(source, 'error', time, 'gap', parameters, gapWords({ from, to }))
}

/** Which records are passed over, in words. */
export function gapWords({ from, to }: Pick<Gap, 'from' | 'to'>): string {
  return to - from === 1
    ? `record ${from} cannot be read and is not sent`
    : `records ${from} to ${to - 1} cannot be read and are not sent`
}

/** `parameters` are those after the environment, each with a space before it. */
function message(
  source: Source,
  severity: Severity,
  time: UnixMs,
  id: string,
  parameters: string,
  words: string,
): string {
  const environment = ` environment="${escapeParameter(source.environment)}"`
  const header = `<${SYSLOG_FACILITY * 8 + SYSLOG_LEVELS[severity]}>1 ${new Date(time).toISOString()} ${name(source.gateway, 255)} holdfast - ${name(id, 32)}`
  // The byte order mark says that the message is UTF-8 (§6.4).
  return `${header} [${ELEMENT}${environment}${parameters}] \ufeff${words}`
}

/** Printable ASCII without spaces, as the header wants it; a lone dash where there is nothing (§6.2). */
function name(text: string, most: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, most) || '-'
}

/** `"`, `\` and `]` are escaped (§6.3.3). Control characters are legal there and break receivers that read lines. */
function escapeParameter(text: string): string {
  return plain(text).replaceAll(/["\\\]]/g, '\\$&')
}
