import { describeFound, type Found } from '../../model/outcome.ts'
import { plain } from '../../model/plain.ts'
import { formatDuration } from '../../model/time.ts'

/** A record as it was parsed: its form is the writer's promise, and may be anything in a log that was changed. */
export type ParsedRecord = { readonly [member: string]: unknown }

/** Members that a line has a column for, or that say nothing to a person. */
const APART: ReadonlySet<string> = new Set([
  ...['seq', 'boot', 'time', 'mono_ms', 'kind', 'actuator', 'outcome', 'subject', 'issuer', 'by'],
  ...['command', 'nonce', 'created', 'keyid', 'channel', 'credential', 'method', 'status', 'towards_safe'],
  ...['asked', 'found', 'code', 'detail', 'reason', 'source', 'latency_ms'],
])

export const HEADINGS = line(['TIME', 'RECORD', 'KIND', 'ACTUATOR', 'OUTCOME', 'WHO', 'WHAT'])

/** Reads a record's text; one that is not a JSON object is given as its text. */
export function parseRecord(text: string): ParsedRecord {
  try {
    const value = JSON.parse(text) as unknown
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ParsedRecord
  } catch {
    // A log that was changed is looked at, too.
  }
  return { detail: `not a record: ${text}` }
}

/** Who did it, as the log's column `actor` has it: of a credential that was issued, its issuer. */
export function actorOf({ issuer, by, subject }: ParsedRecord): string {
  return plain(issuer ?? by ?? subject ?? '')
}

/** Whom it was done to: of a credential that was issued or revoked, whose it is. Undefined when that is nobody but whoever did it. */
export function receiverOf(record: ParsedRecord): string | undefined {
  const { subject } = record
  return subject === undefined || plain(subject) === actorOf(record) ? undefined : plain(subject)
}

/** One line about a record, for a person. Whatever stands in the record, it moves no cursor and colours nothing. */
export function recordLine(record: ParsedRecord): string {
  const { time, seq, kind, actuator, outcome } = record
  return line(
    [time, seq, kind, actuator, outcome]
      .map(value => plain(value ?? ''))
      .concat(actorOf(record), whatOf(record)),
  )
}

/** What a record says beyond who, where and when, in words. */
export function whatOf(record: ParsedRecord): string {
  const { asked, found, code, detail, reason, source, latency_ms } = record
  const isNews = found !== undefined && found !== asked
  const receiver = receiverOf(record)
  return [
    ...(receiver === undefined ? [] : [`for ${receiver}`]),
    ...(asked === undefined ? [] : [`${plain(asked)}${isNews ? `, found ${foundWords(found)}` : ''}`]),
    ...(code === undefined ? [] : [`${plain(code)}${detail === undefined ? '' : `: ${plain(detail)}`}`]),
    ...(code === undefined && detail !== undefined ? [plain(detail)] : []),
    ...Object.entries(record)
      .filter(([name]) => !APART.has(name))
      .map(([name, value]) => `${plain(name)} ${plain(value)}`),
    ...(reason === undefined ? [] : [`reason: ${plain(reason)}`]),
    ...(typeof latency_ms === 'number' ? [`took ${formatDuration(latency_ms)}`] : []),
    ...(source === undefined ? [] : [`from ${plain(source)}`]),
  ].join('; ')
}

function foundWords(found: unknown): string {
  const isBetween = typeof found === 'object' && found !== null && 'between' in found
  return found === null || isBetween ? plain(describeFound(found as Found)) : plain(found)
}

function line([
  time = '',
  seq = '',
  kind = '',
  actuator = '',
  outcome = '',
  who = '',
  what = '',
]: string[]): string {
  return `${time.padEnd(24)}  ${seq.padStart(7)}  ${kind.padEnd(17)}  ${actuator.padEnd(14)}  ${outcome.padEnd(8)}  ${who.padEnd(12)}  ${what}`.trimEnd()
}
