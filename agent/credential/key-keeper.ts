import type { Clock, Millis } from '../../model/time.ts'
import { checkpointSeedMessage } from './chain.ts'
import type { EpochKeys } from './epoch-keys.ts'
import type { MasterKey, MasterKeyUnavailable } from './master-key.ts'

export interface KeyKeeperListener {
  /** The master key cannot be used; said once for each reason. */
  unavailable(trouble: MasterKeyUnavailable): void
  /** It can be used again. */
  restored(): void
  /** The seed of the key that signs audit checkpoints; the listener wipes it. */
  checkpointSeed(seed: Uint8Array): void
}

const RETRY_FIRST: Millis = 1000
const RETRY_MAX: Millis = 30_000
/** A timer holds at most this long (2^31 - 1 ms is about 24 days), and a clock that is set should be noticed. */
const LOOK_AGAIN: Millis = 60_000

/** Keeps the epoch keys there: derives them at each epoch's beginning, and tries again when the master key is not to be had. */
export class KeyKeeper implements AsyncDisposable {
  readonly #master: MasterKey
  readonly #keys: EpochKeys
  readonly #of: { environment: string; gateway: string; timeout: Millis }
  readonly #clock: Clock
  readonly #listener: KeyKeeperListener
  readonly #stop = new AbortController()
  #seeded = false
  #said: string | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(
    master: MasterKey,
    keys: EpochKeys,
    of: { environment: string; gateway: string; timeout: Millis },
    clock: Clock,
    listener: KeyKeeperListener,
  ) {
    this.#master = master
    this.#keys = keys
    this.#of = of
    this.#clock = clock
    this.#listener = listener
  }

  /** Tries once now, and goes on in the background. Resolves after the first try, whatever came of it. */
  async start(): Promise<void> {
    await this.#refresh()
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#keys.wipe()
  }

  async #run(): Promise<void> {
    let retry = RETRY_FIRST
    while (!this.#stop.signal.aborted) {
      if (this.#keys.trouble === undefined) await this.#seed()
      const healthy = this.#keys.trouble === undefined && this.#seeded
      await this.#clock.sleep(
        healthy ? Math.min(LOOK_AGAIN, this.#keys.untilNext()) : retry,
        this.#stop.signal,
      )
      if (this.#stop.signal.aborted) return
      retry = healthy ? RETRY_FIRST : Math.min(retry * 2, RETRY_MAX)
      await this.#refresh()
    }
  }

  async #refresh(): Promise<void> {
    await this.#keys.refresh(this.#of.timeout)
    const { trouble } = this.#keys
    if (trouble && trouble.reason !== this.#said) this.#listener.unavailable(trouble)
    if (!trouble && this.#said !== undefined) this.#listener.restored()
    this.#said = trouble?.reason
  }

  async #seed(): Promise<void> {
    if (this.#seeded) return
    const message = checkpointSeedMessage({ ...this.#of, generation: this.#master.generation })
    const answer = await this.#master.hmac(message, AbortSignal.timeout(this.#of.timeout))
    if (answer.kind !== 'mac') return
    this.#seeded = true
    this.#listener.checkpointSeed(answer.mac)
  }
}
