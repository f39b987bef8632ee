import type { Clock, Millis, UnixMs } from '../../model/time.ts'
import { epochMessage } from './chain.ts'
import type { MasterKey, MasterKeyUnavailable } from './master-key.ts'

export type EpochKeyAnswer =
  | { readonly kind: 'key'; readonly key: Uint8Array }
  /** Before the previous epoch: its key is gone. */
  | { readonly kind: 'expired' }
  /** After the current epoch, or of a generation that does not exist. */
  | { readonly kind: 'not-yet' }
  | { readonly kind: 'unavailable'; readonly detail: string }

/** Between an epoch's beginning and its key there is a moment. */
const DERIVING: MasterKeyUnavailable = {
  kind: 'unavailable',
  reason: 'busy',
  detail: "this epoch's key is being derived",
  remedy: 'try again in a moment',
}

/**
 * The keys of the current and the previous epoch: the only keys in memory that a credential hangs on. The master key
 * is asked once an epoch and never for a command, so that a slow TPM cannot be used to deny service.
 */
export class EpochKeys {
  readonly #keys = new Map<number, Buffer>()
  readonly #master: MasterKey
  readonly #environment: string
  readonly #gateway: string
  readonly #length: Millis
  readonly #clock: Clock
  #trouble: MasterKeyUnavailable | undefined

  /** `length` is how long an epoch lasts; the previous epoch's key is kept for one more. */
  constructor(master: MasterKey, of: { environment: string; gateway: string; length: Millis }, clock: Clock) {
    this.#master = master
    this.#environment = of.environment
    this.#gateway = of.gateway
    this.#length = of.length
    this.#clock = clock
  }

  get generation(): number {
    return this.#master.generation
  }

  /** The epoch's number at a moment: whole epochs since 1970. */
  epochAt(at: UnixMs): number {
    return Math.floor(at / this.#length)
  }

  /** How long the current epoch still lasts. */
  untilNext(): Millis {
    const now = this.#clock.wall()
    return (this.epochAt(now) + 1) * this.#length - now
  }

  /** Why the current epoch's key is not there, if it is not. */
  get trouble(): MasterKeyUnavailable | undefined {
    return this.#keys.has(this.epochAt(this.#clock.wall())) ? undefined : (this.#trouble ?? DERIVING)
  }

  /** The key that a credential of this generation and epoch hangs on. */
  keyFor(generation: number, epoch: number): EpochKeyAnswer {
    const current = this.epochAt(this.#clock.wall())
    if (generation !== this.#master.generation)
      return { kind: generation < this.#master.generation ? 'expired' : 'not-yet' }
    if (epoch > current) return { kind: 'not-yet' }
    if (epoch < current - 1) return { kind: 'expired' }
    const key = this.#keys.get(epoch)
    return key
      ? { kind: 'key', key }
      : { kind: 'unavailable', detail: this.#trouble?.detail ?? 'not derived yet' }
  }

  /**
   * Derives what is missing of the current and the previous epoch's keys and wipes what is older. Call it at start, at
   * each epoch's beginning, and again after a failure.
   */
  async refresh(deadline: Millis): Promise<void> {
    const current = this.epochAt(this.#clock.wall())
    for (const epoch of [current, current - 1]) {
      if (this.#keys.has(epoch)) continue
      const answer = await this.#master.hmac(
        epochMessage({
          environment: this.#environment,
          gateway: this.#gateway,
          generation: this.#master.generation,
          epoch,
        }),
        AbortSignal.timeout(deadline),
      )
      if (answer.kind === 'unavailable') {
        this.#trouble = answer
        break
      }
      this.#keys.set(epoch, Buffer.from(answer.mac))
      answer.mac.fill(0)
    }
    for (const [epoch, key] of this.#keys) {
      if (epoch >= current - 1) continue
      key.fill(0)
      this.#keys.delete(epoch)
    }
  }

  /** Wipes every key. */
  wipe(): void {
    for (const key of this.#keys.values()) key.fill(0)
    this.#keys.clear()
  }
}
