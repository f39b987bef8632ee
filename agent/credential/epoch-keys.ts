import type { Clock, Millis, UnixMs } from '../../model/time.ts'
import { epochMessage } from './chain.ts'
import type { MasterKey, MasterKeyUnavailable } from './master-key.ts'

/** One generation of the master key. `retiresAt` is when a newer one has taken its place for good. */
export interface Generation {
  readonly master: MasterKey
  readonly retiresAt: UnixMs | undefined
  /** When it was made, where that is known. */
  readonly since?: UnixMs | undefined
}

export type EpochKeyAnswer =
  | { readonly kind: 'key'; readonly key: Uint8Array }
  /** Of an epoch or a generation that is past its grace: its key is gone. */
  | { readonly kind: 'expired' }
  /** Of an epoch that has not begun, or a generation that there is not. */
  | { readonly kind: 'not-yet' }
  | { readonly kind: 'unavailable'; readonly detail: string }

export interface EpochSettings {
  readonly environment: string
  readonly gateway: string
  /** How long an epoch lasts, and for how long after its end its key is still good. */
  readonly epoch: Millis
  readonly grace: Millis
}

/** Between an epoch's beginning and its key there is a moment. */
const DERIVING: MasterKeyUnavailable = {
  kind: 'unavailable',
  reason: 'busy',
  detail: "this epoch's key is being derived",
  remedy: 'try again in a moment',
}

/**
 * The keys of the current and the previous epoch, of each generation that is still good: the only keys in memory that a
 * credential hangs on. The master key is asked once an epoch and never for a command, so that a slow TPM cannot be used
 * to deny service.
 */
export class EpochKeys {
  readonly #keys = new Map<string, Buffer>()
  readonly #settings: EpochSettings
  readonly #clock: Clock
  /** Oldest first; the last one issues. */
  #generations: readonly [Generation, ...Generation[]]
  #trouble: MasterKeyUnavailable | undefined

  constructor(generations: readonly [Generation, ...Generation[]], settings: EpochSettings, clock: Clock) {
    this.#generations = generations
    this.#settings = settings
    this.#clock = clock
  }

  /** The generation that new credentials hang on. */
  get generation(): number {
    return this.#newest.master.generation
  }

  get generations(): readonly Generation[] {
    return this.#generations
  }

  /** Takes up another list of generations, such as after a rotation; `refresh` then derives what is missing. */
  replaceGenerations(generations: readonly [Generation, ...Generation[]]): void {
    this.#generations = generations
    this.#forget()
  }

  /** Lets the generations go whose time is over, with their keys; returns them. The newest never goes. */
  dropRetired(): readonly Generation[] {
    const now = this.#clock.wall()
    const isOver = ({ retiresAt }: Generation): boolean => retiresAt !== undefined && now >= retiresAt
    const retired = this.#generations.slice(0, -1).filter(isOver)
    if (retired.length === 0) return []
    this.replaceGenerations(this.#without(retired))
    return retired
  }

  /** The epoch's number at a moment: whole epochs since 1970. */
  epochAt(at: UnixMs): number {
    return Math.floor(at / this.#settings.epoch)
  }

  /** How long it is until a key is to be derived or wiped. */
  untilNext(): Millis {
    const now = this.#clock.wall()
    const begun = this.epochAt(now) * this.#settings.epoch
    const moments = [
      begun + this.#settings.epoch,
      begun + this.#settings.grace,
      ...this.#generations.flatMap(({ retiresAt }) => retiresAt ?? []),
    ]
    return Math.min(...moments.filter(moment => moment > now)) - now
  }

  /** Why the current epoch's key is not there, if it is not. */
  get trouble(): MasterKeyUnavailable | undefined {
    const current = this.#keys.has(nameOf(this.generation, this.epochAt(this.#clock.wall())))
    return current ? undefined : (this.#trouble ?? DERIVING)
  }

  /** The key that a credential of this generation and epoch hangs on. Grace ends to the millisecond. */
  keyFor(generation: number, epoch: number): EpochKeyAnswer {
    if (generation > this.generation) return { kind: 'not-yet' }
    const now = this.#clock.wall()
    if (epoch > this.epochAt(now)) return { kind: 'not-yet' }
    const known = this.#generations.find(({ master }) => master.generation === generation)
    if (!known || !this.#isGood(known, epoch, now)) return { kind: 'expired' }
    const key = this.#keys.get(nameOf(generation, epoch))
    return key ? { kind: 'key', key } : { kind: 'unavailable', detail: (this.#trouble ?? DERIVING).detail }
  }

  /**
   * Derives what is missing of the keys that are good now, and wipes the others. With `current` it leaves the previous
   * epoch's for later: the current one is enough to begin with, and each takes the master key's time.
   */
  async refresh(deadline: Millis, which: 'all' | 'current' = 'all'): Promise<void> {
    this.#forget()
    const now = this.#clock.wall()
    const current = this.epochAt(now)
    // The newest first: it is the one that is needed to issue.
    for (const generation of this.#generations.toReversed()) {
      for (const epoch of which === 'all' ? [current, current - 1] : [current]) {
        const name = nameOf(generation.master.generation, epoch)
        if (this.#keys.has(name) || !this.#isGood(generation, epoch, now)) continue
        const key = await this.#derive(generation.master, epoch, deadline)
        if (!key) return
        this.#keys.set(name, key)
      }
    }
    this.#trouble = undefined
  }

  /** Wipes every key. */
  wipe(): void {
    for (const key of this.#keys.values()) key.fill(0)
    this.#keys.clear()
  }

  get #newest(): Generation {
    return this.#generations.at(-1) ?? this.#generations[0]
  }

  #without(gone: readonly Generation[]): readonly [Generation, ...Generation[]] {
    const [first, ...rest] = this.#generations.filter(generation => !gone.includes(generation))
    return first ? [first, ...rest] : [this.#newest]
  }

  async #derive(master: MasterKey, epoch: number, deadline: Millis): Promise<Buffer | undefined> {
    const { environment, gateway } = this.#settings
    const { generation } = master
    const message = epochMessage({ environment, gateway, generation, epoch })
    const answer = await master.hmac(message, AbortSignal.timeout(deadline))
    if (answer.kind === 'unavailable') {
      this.#trouble = answer
      return undefined
    }
    const key = Buffer.from(answer.mac)
    answer.mac.fill(0)
    return key
  }

  #isGood({ retiresAt }: Generation, epoch: number, now: UnixMs): boolean {
    if (retiresAt !== undefined && now >= retiresAt) return false
    const current = this.epochAt(now)
    if (epoch === current) return true
    return epoch === current - 1 && now < current * this.#settings.epoch + this.#settings.grace
  }

  #forget(): void {
    const now = this.#clock.wall()
    const current = this.epochAt(now)
    const good = new Set(
      this.#generations.flatMap(generation =>
        [current, current - 1]
          .filter(epoch => this.#isGood(generation, epoch, now))
          .map(epoch => nameOf(generation.master.generation, epoch)),
      ),
    )
    for (const [name, key] of this.#keys) {
      if (good.has(name)) continue
      key.fill(0)
      this.#keys.delete(name)
    }
  }
}

function nameOf(generation: number, epoch: number): string {
  return `${generation}/${epoch}`
}
