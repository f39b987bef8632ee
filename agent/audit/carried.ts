import type { AuditEntry } from '../../model/audit.ts'
import type { Readable } from './schema.ts'
import { type FoundRecord, latestOf } from './search.ts'
import { parseRecord } from './words.ts'

/** What the log adds to an entry, and will add anew. */
const HEADER: ReadonlySet<string> = new Set(['seq', 'boot', 'time', 'mono_ms'])

/**
 * Entries that say again what must not be lost when the records before `to` go: the last count, to which the TPM's counter is
 * compared, and a roll-back about which nobody has said anything.
 */
export function carriedOver(database: Readable, to: number): AuditEntry[] {
  const counted = latestOf(database, 'log-counted')
  const rolledBack = latestOf(database, 'log-rolled-back')
  const restored = latestOf(database, 'log-restored')
  const isOpen = rolledBack !== undefined && (restored?.seq ?? -1) < rolledBack.seq
  const needed = [counted, isOpen ? rolledBack : undefined]
  return needed.flatMap(record => (record === undefined || record.seq >= to ? [] : [again(record)]))
}

function again({ seq, text }: FoundRecord): AuditEntry {
  const members = Object.entries(parseRecord(text)).filter(([name]) => !HEADER.has(name))
  // What is in the log was an entry once; it is said again as it was.
  return { ...Object.fromEntries(members), repeats: seq } as unknown as AuditEntry
}
