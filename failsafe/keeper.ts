import type { Clock, Millis } from '../model/time.ts'
import type { AuthenticationFailures } from './authentication-failures.ts'
import type { Holds } from './holds.ts'
import type { Kept, LatchFile } from './latch.ts'
import type { Trips } from './trips.ts'

const RETRY_FIRST: Millis = 1000
const RETRY_MAX: Millis = 60_000
/** What a flood changes is written down so often and no oftener. */
const SOON: Millis = 500

/** Whose state is kept. */
export interface KeptParts {
  readonly trips: Pick<Trips, 'latches' | 'restore'>
  readonly failures: Pick<AuthenticationFailures, 'kept' | 'restore'>
  readonly holds: Pick<Holds, 'kept' | 'restore'>
}

/** What the fail-safe remembers over a restart, written down whenever it changes. */
export class FailsafeKeeper implements AsyncDisposable {
  readonly #file: Pick<LatchFile, 'save'>
  readonly #clock: Clock
  readonly #onTrouble: (detail: string | undefined) => void
  readonly #stop = new AbortController()
  #parts: KeptParts | undefined
  #suspended: Record<string, { reason: string; actuator: string }> = {}
  #closed: Record<string, string> = {}
  #saving: Promise<void> | undefined
  #soon: Promise<void> | undefined
  /** How many changes were to be written down, and how many of them are. */
  #wanted = 0
  #written = 0
  #attempt = Promise.withResolvers<string | undefined>()
  /** Why the disk does not take it, as long as that is so. */
  #trouble: string | undefined

  /** `onTrouble` hears why nothing can be written down, and `undefined` when it can be again. */
  constructor(file: Pick<LatchFile, 'save'>, clock: Clock, onTrouble: (detail: string | undefined) => void) {
    this.#file = file
    this.#clock = clock
    this.#onTrouble = onTrouble
  }

  /** Takes up what an earlier run left, into the parts that this run has. Nothing is written to the plant that was seen safe. */
  restore(kept: Kept, parts: KeptParts): void {
    this.#parts = parts
    this.#suspended = { ...kept.suspended }
    this.#closed = { ...kept.closed }
    parts.failures.restore(kept.evidence)
    parts.holds.restore(kept.holds)
    parts.trips.restore(kept.latches)
  }

  /** Why an identity's commands away from safe are refused, if they are. */
  suspension(identity: string): string | undefined {
    return Object.hasOwn(this.#suspended, identity) ? this.#suspended[identity]?.reason : undefined
  }

  get suspended(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(this.#suspended).map(([identity, { reason }]) => [identity, reason]),
    )
  }

  /** Refuses an identity's commands away from safe until the actuator that it was after is reset. */
  suspend(identity: string, actuator: string, reason: string): void {
    this.#suspended[identity] = { reason, actuator }
    this.save()
  }

  /** Lets the identities go that were suspended over this actuator. */
  lift(actuator: string): void {
    for (const [identity, of] of Object.entries(this.#suspended)) {
      if (of.actuator === actuator) Reflect.deleteProperty(this.#suspended, identity)
    }
    this.save()
  }

  /** Lets one identity go. False when it was not suspended. */
  liftOne(identity: string): boolean {
    if (!Object.hasOwn(this.#suspended, identity)) return false
    Reflect.deleteProperty(this.#suspended, identity)
    this.save()
    return true
  }

  /** Listeners that attacks have closed, and why. */
  get closed(): Readonly<Record<string, string>> {
    return this.#closed
  }

  closeListener(listener: string, reason: string): void {
    this.#closed[listener] = reason
    this.save()
  }

  /** False when it was not closed. */
  openListener(listener: string): boolean {
    if (!Object.hasOwn(this.#closed, listener)) return false
    Reflect.deleteProperty(this.#closed, listener)
    this.save()
    return true
  }

  /** Writes everything down, and goes on trying while the disk will not have it. The trips stand in memory all the same. */
  save(): void {
    this.#wanted += 1
    this.#saving ??= this.#saveAll()
  }

  /**
   * Waits until all that has changed so far is on the disk. Resolves with why it cannot be written, as soon as that is known: at once
   * while the disk is in trouble.
   */
  async kept(): Promise<string | undefined> {
    const wanted = this.#wanted
    while (this.#written < wanted) {
      const trouble = this.#trouble ?? (await this.#attempt.promise)
      if (trouble !== undefined) return trouble
    }
    return undefined
  }

  /** Writes everything down in a moment: for what changes often and is not a latch. */
  saveSoon(): void {
    this.#soon ??= this.#clock.sleep(SOON, this.#stop.signal).then(() => {
      this.#soon = undefined
      this.save()
    })
  }

  /** Gives what is not written down yet one last try. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#soon
    await this.#saving
  }

  async #saveAll(): Promise<void> {
    let retry = RETRY_FIRST
    try {
      while (this.#written < this.#wanted) {
        const wanted = this.#wanted
        const trouble = await this.#file.save(this.#kept()).then(
          () => undefined,
          (error: Error) => error.message,
        )
        if (trouble === undefined) this.#written = wanted
        this.#tell(trouble)
        if (trouble === undefined) continue
        if (this.#stop.signal.aborted) return
        await this.#clock.sleep(retry, this.#stop.signal)
        retry = Math.min(retry * 2, RETRY_MAX)
      }
    } finally {
      // In the same step as the loop's last look: what changes after it begins a new one.
      this.#saving = undefined
    }
  }

  /** Lets go whoever waits, and says it aloud where it is not as it was. */
  #tell(trouble: string | undefined): void {
    const attempt = this.#attempt
    this.#attempt = Promise.withResolvers()
    attempt.resolve(trouble)
    if (trouble !== this.#trouble) this.#onTrouble(trouble)
    this.#trouble = trouble
  }

  #kept(): Kept {
    const parts = this.#parts
    return {
      latches: parts?.trips.latches ?? {},
      suspended: this.#suspended,
      closed: this.#closed,
      evidence: parts?.failures.kept ?? { buckets: [], trips: {} },
      holds: parts?.holds.kept ?? {},
    }
  }
}
