import type { Clock, Millis } from '../../model/time.ts'
import { checkpointSeedMessage } from './chain.ts'
import type { EpochKeys, Generation } from './epoch-keys.ts'
import type { MasterKeyUnavailable } from './master-key.ts'

export interface KeyKeeperListener {
  /** The master key cannot be used; said once for each reason. */
  unavailable(trouble: MasterKeyUnavailable): void
  /** It can be used again. */
  restored(): void
  /**
   * The seed of the key that signs audit checkpoints, of the newest generation, and those of the earlier ones that are still here: what they
   * signed is ours too. The listener wipes them.
   */
  checkpointSeed(seed: Uint8Array, earlier: readonly Uint8Array[]): void
  /** A generation's grace is over; its keys are wiped. */
  retired(generation: Generation): void
  /** The newest generation is older than it should get; said once of each. */
  rotationDue(age: Millis): void
}

export interface KeyKeeperSettings {
  readonly environment: string
  readonly gateway: string
  /** How long one use of the master key may take. */
  readonly timeout: Millis
  /** At this age the newest generation is due to be rotated. */
  readonly rotationDue: Millis
}

const RETRY_FIRST: Millis = 1000
const RETRY_MAX: Millis = 30_000
/** A timer holds at most this long (2^31 - 1 ms is about 24 days), and a clock that is set should be noticed. */
const LOOK_AGAIN: Millis = 60_000

/** Keeps the epoch keys there: derives them at each epoch's beginning, tries again when the master key is not to be had, and lets old generations go. */
export class KeyKeeper implements AsyncDisposable {
  readonly #keys: EpochKeys
  readonly #settings: KeyKeeperSettings
  readonly #clock: Clock
  readonly #listener: KeyKeeperListener
  readonly #stop = new AbortController()
  #seeded = 0
  #said: string | undefined
  #reminded: number | undefined
  #woken = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(keys: EpochKeys, settings: KeyKeeperSettings, clock: Clock, listener: KeyKeeperListener) {
    this.#keys = keys
    this.#settings = settings
    this.#clock = clock
    this.#listener = listener
  }

  /** Tries once now, and goes on in the background. Resolves after the first try, whatever came of it. */
  async start(): Promise<void> {
    await this.#refresh('current')
    // Before anybody is let in: what a cut leaves unsigned then is what the checkpoints' own rhythm leaves.
    if (this.#keys.trouble === undefined) await this.#seed()
    this.#running = this.#run()
  }

  /** Looks again now, such as after a rotation. */
  wake(): void {
    this.#woken.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#keys.wipe()
  }

  async #run(): Promise<void> {
    let retry = RETRY_FIRST
    if (this.#keys.trouble === undefined) await this.#refresh()
    while (!this.#stop.signal.aborted) {
      if (this.#keys.trouble === undefined) await this.#seed()
      this.#remind()
      const healthy = this.#keys.trouble === undefined && this.#seeded === this.#keys.generation
      const pause = healthy ? Math.min(LOOK_AGAIN, this.#keys.untilNext()) : retry
      await this.#clock.sleep(pause, AbortSignal.any([this.#stop.signal, this.#woken.signal]))
      if (this.#stop.signal.aborted) return
      this.#woken = new AbortController()
      retry = healthy ? RETRY_FIRST : Math.min(retry * 2, RETRY_MAX)
      for (const generation of this.#keys.dropRetired()) this.#listener.retired(generation)
      await this.#refresh()
    }
  }

  async #refresh(which: 'all' | 'current' = 'all'): Promise<void> {
    await this.#keys.refresh(this.#settings.timeout, which)
    const { trouble } = this.#keys
    if (trouble && trouble.reason !== this.#said) this.#listener.unavailable(trouble)
    if (!trouble && this.#said !== undefined) this.#listener.restored()
    this.#said = trouble?.reason
  }

  async #seed(): Promise<void> {
    const newest = this.#keys.generations.at(-1)
    if (!newest || this.#seeded === newest.master.generation) return
    const seeds: Uint8Array[] = []
    for (const generation of this.#keys.generations) {
      const seed = await this.#seedOf(generation)
      if (seed !== undefined) seeds.push(seed)
      // One that is not to be had any more vouches for nothing.
      else if (generation === newest) return
    }
    const seed = seeds.pop()
    if (seed === undefined) return
    this.#seeded = newest.master.generation
    this.#listener.checkpointSeed(seed, seeds)
  }

  async #seedOf({ master }: Generation): Promise<Uint8Array | undefined> {
    const { environment, gateway, timeout } = this.#settings
    const message = checkpointSeedMessage({ environment, gateway, generation: master.generation })
    const answer = await master.hmac(message, AbortSignal.timeout(timeout))
    return answer.kind === 'mac' ? answer.mac : undefined
  }

  #remind(): void {
    const newest = this.#keys.generations.at(-1)
    if (newest?.since === undefined || this.#reminded === newest.master.generation) return
    const age = this.#clock.wall() - newest.since
    if (age < this.#settings.rotationDue) return
    this.#reminded = newest.master.generation
    this.#listener.rotationDue(age)
  }
}
