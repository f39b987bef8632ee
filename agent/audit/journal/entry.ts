import { hash } from 'node:crypto'
import { type Event, textOf } from '../export/event.ts'
import { SYSLOG_FACILITY, SYSLOG_LEVELS } from '../export/severity.ts'

/** Longest value of a field, in UTF-16 code units: with all of its members a record stays well below what one datagram takes. */
const VALUE_MAX = 2048
/** Names of fields: capitals, digits and underscores, 64 at most (systemd.journal-fields(7)). */
const NAME_MAX = 64

/**
 * A record as an entry of systemd's journal in its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): `NAME=value` and a
 * newline, or for a value with newlines `NAME`, a newline, its length as 64 bits, little-endian, the value, and a newline.
 */
export function formatJournalEntry({
  source,
  seq,
  record,
  severity,
  kind,
  actor,
  words,
  means,
}: Event): Buffer {
  const about = [kind, textOf(record.actuator), textOf(record.outcome), actor].filter(part => part)
  const fields: Record<string, string> = {
    MESSAGE: `${about.join(' ')}: ${words || means}`,
    MESSAGE_ID: messageId(kind),
    PRIORITY: String(SYSLOG_LEVELS[severity]),
    SYSLOG_FACILITY: String(SYSLOG_FACILITY),
    // The agent's own lines have `holdfast`: systemd takes the program's name.
    SYSLOG_IDENTIFIER: 'holdfast-audit',
    HOLDFAST_ENVIRONMENT: source.environment,
    HOLDFAST_GATEWAY: source.gateway,
    HOLDFAST_SEQ: String(seq),
  }
  for (const [member, value] of Object.entries(record)) {
    const name = `HOLDFAST_${member.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')}`.slice(0, NAME_MAX)
    const text = textOf(value)
    if (text !== undefined) fields[name] ??= text
  }
  return Buffer.concat(Object.entries(fields).map(([name, value]) => field(name, cut(value))))
}

/** 128 bits that are the same for every record of a kind (sd_journal_print(3), MESSAGE_ID=). */
export function messageId(kind: string): string {
  return hash('sha256', `holdfast audit record\n${kind}`).slice(0, 32)
}

function field(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`)
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')])
}

function cut(text: string): string {
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…`.toWellFormed() : text
}
