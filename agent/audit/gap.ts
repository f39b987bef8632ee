import type { AuditEntry, AuditKind } from '../../model/audit.ts'
import type { UnixMs } from '../../model/time.ts'

/** What a log could not take: since when, why, and how much of it. */
export interface Missed {
  readonly since: UnixMs
  /** The failure's words; undefined when more came than the disk took. */
  readonly reason: string | undefined
  /** Appends that were answered `unwritable`. */
  readonly refused: number
  /** Notes for which there was no room, by kind. */
  readonly dropped: ReadonlyMap<AuditKind, number>
}

/** Collects what the log could not take until the log can say so itself: no silence goes unexplained. */
export class Gap {
  #missed: Missed | undefined

  /** Whether there is anything to say. */
  get isOpen(): boolean {
    return this.#missed !== undefined
  }

  /** The log became unwritable. The first reason is kept. */
  begin(reason: string, now: UnixMs): void {
    this.add({ since: now, reason, refused: 0, dropped: new Map() })
  }

  /** So many appends were answered `unwritable`. */
  refuse(now: UnixMs, count = 1): void {
    this.add({ since: now, reason: undefined, refused: count, dropped: new Map() })
  }

  /** A note found no room. */
  drop(kind: AuditKind, now: UnixMs): void {
    this.add({ since: now, reason: undefined, refused: 0, dropped: new Map([[kind, 1]]) })
  }

  /** Takes everything out, to be written. */
  take(): Missed | undefined {
    const missed = this.#missed
    this.#missed = undefined
    return missed
  }

  /** Adds to what is missing; also puts back what could not be written after all. */
  add(more: Missed): void {
    const before = this.#missed
    if (before === undefined) {
      this.#missed = more
      return
    }
    const dropped = new Map(before.dropped)
    for (const [kind, count] of more.dropped) dropped.set(kind, (dropped.get(kind) ?? 0) + count)
    this.#missed = {
      since: Math.min(before.since, more.since),
      reason: before.reason ?? more.reason,
      refused: before.refused + more.refused,
      dropped,
    }
  }
}

/** The record that says what is missing. */
export function gapEntry(missed: Missed): AuditEntry {
  return {
    kind: 'alarm',
    alarm: 'audit-gap',
    detail: missed.reason ?? 'more came than the disk took',
    since: new Date(missed.since).toISOString(),
    refused: missed.refused,
    dropped: Object.fromEntries(missed.dropped),
  }
}
