import { KeptFile } from '../../keep/kept-file.ts'
import type { AuditEntry } from '../../model/audit.ts'
import type { Clock, Millis, UnixMs } from '../../model/time.ts'

/** An actuator that a person has locked out: commands away from its safe state are refused until it ends. */
export interface Lockout {
  readonly actuator: string
  readonly subject: string
  readonly reason: string
  readonly since: UnixMs
  readonly until: UnixMs
}

export type LockoutFile = KeptFile<readonly Lockout[]>

/** The lockout file. When it is there and cannot be understood, nobody knows what is locked out: loading it throws. */
export function lockoutFile(path: string): LockoutFile {
  return new KeptFile(path, json => (Array.isArray(json) && json.every(isLockout) ? json : undefined))
}

function isLockout(value: unknown): value is Lockout {
  const { actuator, subject, reason, since, until } = (value ?? {}) as Record<string, unknown>
  const texts = [actuator, subject, reason].every(text => typeof text === 'string')
  return texts && typeof since === 'number' && typeof until === 'number'
}

/** Where a lockout's end goes, and what became of keeping it. */
export interface LockoutListener {
  note(entry: AuditEntry): void
  /** The file no longer says what is locked out. */
  notKept(detail: string): void
}

const LOOK_EVERY: Millis = 1000

/**
 * Who has locked what out. Each person's lockout is one of its own, as each has a padlock of their own: an actuator is free when the last of
 * them has ended. A lockout acts from the moment it is set and is durable when `set` resolves; its end is noted, also the one that time brings.
 */
export class Lockouts implements AsyncDisposable {
  readonly #file: LockoutFile
  readonly #clock: Clock
  readonly #listener: LockoutListener
  readonly #stop = new AbortController()
  #list: readonly Lockout[]
  #watching: Promise<void> | undefined

  constructor(file: LockoutFile, kept: readonly Lockout[], clock: Clock, listener: LockoutListener) {
    this.#file = file
    this.#list = kept
    this.#clock = clock
    this.#listener = listener
    this.#watch()
  }

  /** Every lockout that stands now. */
  get list(): readonly Lockout[] {
    this.#endThoseThatAreOver()
    return this.#list
  }

  /** Those of one actuator, oldest first. */
  of(actuator: string): readonly Lockout[] {
    return this.list.filter(lockout => lockout.actuator === actuator)
  }

  /** Sets a lockout, in place of the same person's on the same actuator. It acts at once; rejects when the disk will not have it. */
  async set(lockout: Lockout): Promise<void> {
    const { actuator, subject } = lockout
    const others = this.list.filter(other => other.actuator !== actuator || other.subject !== subject)
    this.#list = [...others, lockout]
    this.#watch()
    await this.#file.save(this.#list)
  }

  /** Takes a lockout away, if it still stands. Rejects when the disk will not have it: it would be back after a restart. */
  async remove(lockout: Lockout): Promise<void> {
    this.#list = this.#list.filter(other => other !== lockout)
    await this.#file.save(this.#list)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  #endThoseThatAreOver(): void {
    const now = this.#clock.wall()
    const over = this.#list.filter(({ until }) => until <= now)
    if (over.length === 0) return
    this.#list = this.#list.filter(({ until }) => until > now)
    for (const { actuator, subject, since, until } of over) {
      this.#listener.note({
        kind: 'lockout-ended',
        actuator,
        locked_by: subject,
        since: new Date(since).toISOString(),
        until: new Date(until).toISOString(),
        detail: 'its time was over',
      })
    }
    this.#file
      .save(this.#list)
      .catch((error: Error) =>
        this.#listener.notKept(`lockouts that are over would be back after a restart: ${error.message}`),
      )
  }

  #watch(): void {
    if (this.list.length > 0) this.#watching ??= this.#look()
  }

  /** Looks once a second, while anything is locked out, whether its time is over: nobody may ask for a long time. */
  async #look(): Promise<void> {
    while (this.list.length > 0 && !this.#stop.signal.aborted) {
      await this.#clock.sleep(LOOK_EVERY, this.#stop.signal)
    }
    this.#watching = undefined
  }
}
