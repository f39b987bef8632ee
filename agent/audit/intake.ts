import type { AuditEntry } from '../../model/audit.ts'
import type { Clock, MonotonicMs } from '../../model/time.ts'
import type { Gap } from './gap.ts'
import { type Appended, type AuditQueue, type Fate, Pending } from './queue.ts'
import { type StampedEntry, stampEntry } from './record.ts'

const NO_ROOM = 'more waits to be recorded than the disk takes'

/** Takes in what is to be recorded: with the time at which it happened, into the queue, or into the count of what is missing. */
export class Intake {
  readonly #queue: AuditQueue
  readonly #gap: Gap
  readonly #clock: Clock
  readonly #began: MonotonicMs

  constructor(queue: AuditQueue, gap: Gap, clock: Clock) {
    this.#queue = queue
    this.#gap = gap
    this.#clock = clock
    this.#began = clock.monotonic()
  }

  stamp(entry: AuditEntry): StampedEntry {
    return stampEntry(entry, this.#clock.wall(), this.#clock.monotonic() - this.#began)
  }

  /** Resolves when the entry is on the disk, or when it is clear that it is not: at once, with the `trouble` that there is. Never rejects. */
  take(entry: AuditEntry, fate: Fate, trouble: string | undefined): Promise<Appended> {
    const { promise, resolve } = Promise.withResolvers<Appended>()
    const pending = new Pending(this.stamp(entry), fate, resolve)
    if (trouble !== undefined) pending.settle({ kind: 'unwritable', detail: trouble })
    if (pending.isWanted && this.#queue.offer(pending)) return promise
    pending.settle({ kind: 'unwritable', detail: NO_ROOM })
    if (fate === 'kept') this.#gap.drop(entry.kind, this.#clock.wall())
    else this.#gap.refuse(this.#clock.wall())
    return promise
  }
}
