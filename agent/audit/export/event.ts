import { AUDIT_KINDS } from '../../../model/audit-kinds.ts'
import type { FoundRecord } from '../search.ts'
import { actorOf, type ParsedRecord, parseRecord, receiverOf, whatOf } from '../words.ts'
import { type Severity, severityOf } from './severity.ts'

/** Which log the records are of. */
export interface Source {
  readonly environment: string
  readonly gateway: string
}

/** One record on its way to another system. */
export interface Event {
  readonly source: Source
  readonly seq: number
  /** The record's canonical JSON. */
  readonly text: string
  readonly record: ParsedRecord
  readonly severity: Severity
  /** Milliseconds since 1970; 0 when the record does not say. */
  readonly time: number
  readonly kind: string
  /** What such a record means, in words. */
  readonly means: string
  /** Who did it; empty when nobody is known. */
  readonly actor: string
  /** Whose credential was issued or revoked, where that is somebody else. */
  readonly receiver: string | undefined
  /** The record in words. */
  readonly words: string
}

export function eventOf({ seq, text }: FoundRecord, source: Source): Event {
  const record = parseRecord(text)
  const kind = String(record.kind ?? '')
  const form = Object.entries(AUDIT_KINDS).find(([name]) => name === kind)?.[1]
  const time = Date.parse(String(record.time))
  return {
    source,
    seq,
    text,
    record,
    severity: severityOf(record),
    time: Number.isNaN(time) ? 0 : time,
    kind,
    means: form?.means ?? kind,
    actor: actorOf(record),
    receiver: receiverOf(record),
    words: whatOf(record),
  }
}

/** A member as text; undefined when it is not there. */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}
