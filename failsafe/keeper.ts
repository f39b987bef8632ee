import type { Kept, LatchFile } from './latch.ts'
import type { Trips } from './trips.ts'

/** What the fail-safe remembers over a restart: latches and suspended identities, written down whenever one changes. */
export class FailsafeKeeper {
  readonly #file: LatchFile
  readonly #onTrouble: (detail: string) => void
  #trips: Trips | undefined
  #suspended: Record<string, { reason: string; actuator: string }> = {}

  constructor(file: LatchFile, onTrouble: (detail: string) => void) {
    this.#file = file
    this.#onTrouble = onTrouble
  }

  /** Takes up what an earlier run left, into the trips that this run has. Nothing is written to the plant that was seen safe. */
  restore(kept: Kept, trips: Trips): void {
    this.#trips = trips
    this.#suspended = { ...kept.suspended }
    trips.restore(kept.latches)
  }

  /** Why an identity's commands away from safe are refused, if they are. */
  suspension(identity: string): string | undefined {
    return this.#suspended[identity]?.reason
  }

  get suspended(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(this.#suspended).map(([identity, { reason }]) => [identity, reason]),
    )
  }

  suspend(identity: string, actuator: string, reason: string): void {
    this.#suspended[identity] = { reason, actuator }
    void this.save()
  }

  /** Lets the identities go that were suspended over this actuator. */
  lift(actuator: string): void {
    for (const [identity, of] of Object.entries(this.#suspended)) {
      if (of.actuator === actuator) Reflect.deleteProperty(this.#suspended, identity)
    }
    void this.save()
  }

  /** Never rejects: a disk that will not have it is an alarm, and the trip stands in memory all the same. */
  async save(): Promise<void> {
    try {
      await this.#file.save({ latches: this.#trips?.latches ?? {}, suspended: this.#suspended })
    } catch (error) {
      this.#onTrouble((error as Error).message)
    }
  }
}
