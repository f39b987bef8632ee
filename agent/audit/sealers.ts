import type { Sealed } from './answers.ts'
import type { SealedCheckpoint } from './store.ts'

/** Somebody who waits for a checkpoint, and how many entries of the queue it must cover. */
export interface Sealer {
  readonly resolve: (sealed: Sealed) => void
  readonly ahead: number
}

/** Those who wait for a checkpoint of everything that was handed in before they asked. */
export class Sealers {
  #waiting: readonly Sealer[] = []

  get length(): number {
    return this.#waiting.length
  }

  /** Waits until a checkpoint covers the `ahead` entries that are in the queue now. */
  wait(ahead: number): Promise<Sealed> {
    const { promise, resolve } = Promise.withResolvers<Sealed>()
    this.#waiting = [...this.#waiting, { resolve, ahead }]
    return promise
  }

  /** So many entries have left the queue: takes out those whose checkpoint is due with them. */
  take(gone: number): readonly Sealer[] {
    const waiting = this.#waiting.map(({ resolve, ahead }) => ({ resolve, ahead: ahead - gone }))
    this.#waiting = waiting.filter(({ ahead }) => ahead > 0)
    return waiting.filter(({ ahead }) => ahead <= 0)
  }

  /** Puts back those whose commit failed. */
  putBack(due: readonly Sealer[]): void {
    this.#waiting = [...due, ...this.#waiting]
  }

  /** Answers everybody who waits: there will be no checkpoint for now. */
  refuse(detail: string): void {
    for (const { resolve } of this.#waiting) resolve({ kind: 'unwritable', detail })
    this.#waiting = []
  }
}

/** Answers those whose checkpoint is durable. A log without a record has none. */
export function answerSealers(due: readonly Sealer[], checkpoint: SealedCheckpoint | undefined): void {
  for (const { resolve } of due) resolve({ kind: 'sealed', size: 0, note: undefined, ...checkpoint })
}
