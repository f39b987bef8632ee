import type { Logger } from 'pino'
import type { AuditEntry } from '../../model/audit.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { type RefusalKey, RefusalTallies, SIGNED, UNSIGNED } from '../audit/refusals.ts'

const SUMMARY_EVERY: Millis = 1000

/**
 * Where refusals are written down, in the audit log and in the journal alike: the first of each kind whole, the rest as a
 * count, so that what somebody sends does not decide how fast a disk fills.
 */
export class RefusalBook implements AsyncDisposable {
  /** Apart, so that no flood of what nobody signed keeps anything from being told of what somebody did. */
  readonly #signed = new RefusalTallies(SIGNED)
  readonly #unsigned = new RefusalTallies(UNSIGNED)
  readonly #audit: AuditLog
  readonly #log: Logger
  readonly #clock: Clock
  readonly #stop = new AbortController()
  #summarising: Promise<void> | undefined

  constructor(audit: AuditLog, log: Logger, clock: Clock) {
    this.#audit = audit
    this.#log = log
    this.#clock = clock
  }

  /** Counts one refusal. False when it is not to be written down by itself, because a summary will. */
  admits(key: RefusalKey, isSigned: boolean): boolean {
    const now = { wall: this.#clock.wall(), monotonic: this.#clock.monotonic() }
    const whole = (isSigned ? this.#signed : this.#unsigned).count(key, now)
    this.#summarising ??= this.#summarise()
    return whole
  }

  /** Says that refusals which nobody signed have raised an alarm: its record is one of those that they may make in a day. */
  spend(): void {
    this.#unsigned.spend(this.#clock.monotonic())
  }

  /** Writes one refusal down, in the journal and, when there is room, in the log. */
  note(entry: AuditEntry): void {
    this.#write(entry)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#summarising
    for (const entry of [...this.#signed.all(), ...this.#unsigned.all()]) this.#write(entry)
  }

  async #summarise(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#clock.sleep(SUMMARY_EVERY, this.#stop.signal)
      const now = this.#clock.monotonic()
      for (const entry of [...this.#signed.ended(now), ...this.#unsigned.ended(now)]) this.#write(entry)
    }
  }

  #write(entry: AuditEntry): void {
    const { kind, ...members } = entry
    this.#log.warn({ event: kind, ...members }, String(members.detail ?? kind))
    this.#audit.note(entry)
  }
}
