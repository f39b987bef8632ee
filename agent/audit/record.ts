import type { AuditEntry } from '../../model/audit.ts'
import { canonicalJson, type Json } from '../../model/json.ts'
import type { UnixMs } from '../../model/time.ts'

/** Longest text that a record keeps whole, in UTF-16 code units. Whoever sends nonsense does not choose how long a record is. */
const TEXT_LENGTH_MAX = 8192
/** Deepest nesting that a record keeps. */
const DEPTH_MAX = 8

/** An entry with the moment at which it was made: all of a record but its place and its boot. */
export interface StampedEntry {
  /** RFC 3339 in UTC with milliseconds. */
  readonly time: string
  readonly mono_ms: number
  /** Whatever it was, it fits into a record now. */
  readonly entry: { readonly kind: string; readonly [member: string]: Json }
}

/**
 * Makes an entry fit to be a record, whatever it holds: members that are undefined are left out, a number that is not
 * finite becomes its name (`"NaN"`), and a text that is too long is cut and says so. A sensor's nonsense must never keep
 * a trip out of the log, so this refuses nothing.
 */
export function stampEntry(entry: AuditEntry, wall: UnixMs, mono_ms: number): StampedEntry {
  const { kind, ...members } = entry
  const tamed = tame(members, 0) as { readonly [member: string]: Json }
  // The type says that a kind is one of ours; whatever it is, it must not keep the next record from being written.
  const named = cut(String(kind))
  return {
    time: new Date(wall).toISOString(),
    mono_ms: Math.round(mono_ms),
    entry: { ...tamed, kind: named },
  }
}

/** The record's bytes as text: canonical JSON (RFC 8785) of header and entry. The header's names cannot be taken by an entry. */
export function recordText(seq: number, boot: string, { time, mono_ms, entry }: StampedEntry): string {
  return canonicalJson({ ...entry, seq, boot, time, mono_ms })
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Says in words what keeps these bytes from being record `seq`, or undefined when nothing does: UTF-8, JSON, canonical,
 * and with its own place written in it.
 */
export function recordFault(bytes: Uint8Array, seq: number): string | undefined {
  try {
    const text = UTF_8.decode(bytes)
    const value = JSON.parse(text) as Json
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return 'its bytes are not a JSON object'
    if (!isCanonical(value, text)) return 'its bytes are not canonical JSON'
    const own = 'seq' in value ? value.seq : undefined
    return own === seq ? undefined : `its bytes say that it is record ${String(own)}`
  } catch {
    return 'its bytes are not JSON'
  }
}

/**
 * Whether the text is the canonical one of its value. A key that stands twice is lost in parsing, so the texts differ then,
 * too. The quick way is right wherever it says yes: what it cannot tell is the order of keys that are numbers.
 */
function isCanonical(value: Json, text: string): boolean {
  return (JSON.stringify(value) === text && isInOrder(value)) || canonicalJson(value) === text
}

function isInOrder(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isInOrder)
  let last = ''
  for (const [key, member] of Object.entries(value)) {
    if (key < last || !isInOrder(member)) return false
    last = key
  }
  return true
}

function tame(value: unknown, depth: number): Json {
  if (typeof value === 'string') return cut(value)
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object') return String(value)
  if (depth === DEPTH_MAX) return '…'
  if (Array.isArray(value)) return value.map(item => tame(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name.toWellFormed(), tame(member, depth + 1)]),
  )
}

function cut(text: string): string {
  const more = text.length - TEXT_LENGTH_MAX
  return (more > 0 ? `${text.slice(0, TEXT_LENGTH_MAX)}… (${more} more)` : text).toWellFormed()
}
