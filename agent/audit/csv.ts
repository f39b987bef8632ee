import { actorOf, type ParsedRecord, parseRecord } from './words.ts'

/** The columns, in order: a promise to spreadsheets. New ones are added before `record`, none is renamed. */
const COLUMNS = [
  ...['seq', 'time', 'boot', 'kind', 'actor', 'subject', 'credential', 'channel', 'identity', 'source'],
  ...['actuator', 'asked', 'found', 'outcome', 'code', 'detail', 'reason', 'latency_ms', 'record'],
] as const

export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`

/** One record as a line of CSV (RFC 4180); the last cell is the whole record. */
export function csvLine(text: string): string {
  const record: ParsedRecord = { ...parseRecord(text), record: text }
  const cells = COLUMNS.map(column => (column === 'actor' ? actorOf(record) : record[column]))
  return `${cells.map(cell).join(',')}\r\n`
}

/**
 * A cell of CSV. A text that a spreadsheet would take for a formula gets an apostrophe before it: what an operator, or an
 * attacker, wrote is not carried out on the desk of whoever investigates.
 */
function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
