import { plain, plainJsonText } from '../../model/plain.ts'
import { actorOf, parseRecord } from './words.ts'

/** The columns, in order: a promise to spreadsheets. New ones are added before `record`, none is renamed. */
const COLUMNS = [
  ...['seq', 'time', 'boot', 'kind', 'actor', 'subject', 'credential', 'channel', 'identity', 'source'],
  ...['actuator', 'asked', 'found', 'outcome', 'code', 'detail', 'reason', 'latency_ms', 'record'],
] as const

export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`

/** One record as a line of CSV (RFC 4180); the last cell is the whole record. */
export function csvLine(text: string): string {
  const record = parseRecord(text)
  const cells = COLUMNS.map(column => {
    if (column === 'record') return wholeRecord(text)
    return cell(column === 'actor' ? actorOf(record) : record[column])
  })
  return `${cells.join(',')}\r\n`
}

/** What a spreadsheet takes for the beginning of a formula; some take the full-width forms, too. */
const FORMULA = '[=+\\-@\uff1d\uff0b\uff0d\uff20]'
/** At the beginning of a cell, or after what divides cells where lists are not divided by commas: there quotes do not hold it together. */
const BEGINNING = new RegExp(`(^|[;|])(?=[\\s"']*${FORMULA})`, 'gu')

/**
 * A cell of CSV. A text that a spreadsheet would take for a formula gets an apostrophe before it: what an operator, or an
 * attacker, wrote is not carried out on the desk of whoever investigates. Nothing in it steers a terminal.
 */
function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return String(value)
  return quoted(plain(value).replaceAll(BEGINNING, "$1'"))
}

/** The whole record: still the same JSON, with what could divide the cell, or steer a terminal, escaped as JSON does it. */
function wholeRecord(text: string): string {
  const escaped = plainJsonText(text).replaceAll(';', '\\u003b').replaceAll('|', '\\u007c')
  // In a log that was changed it may be anything.
  return quoted(plain(escaped).replaceAll(BEGINNING, "$1'"))
}

function quoted(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
