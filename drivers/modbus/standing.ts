import type { Exchange, ExchangeKind } from './exchange.ts'
import type { Place } from './queue.ts'

/**
 * How the units of a line answered when they were last asked, and what their requests towards the safe state can claim for that. A unit
 * that is well goes before everything. A dead one holds the line for all its timeout: it must keep neither those that are well
 * from being made safe nor, for ever, the others from being asked.
 */
export class Standing {
  /** The units that left their last write towards safe unanswered. */
  readonly #deaf = new Set<number>()
  /** The units that left their last request of any other kind unanswered. */
  readonly #mute = new Set<number>()

  /** Where an exchange waits. */
  placeOf({ kind, unit }: Exchange): Place {
    switch (kind) {
      case 'safe':
        // Who answers no reads may still take writes.
        return this.#deaf.has(unit) ? 'read' : this.#mute.has(unit) ? 'doubted' : 'safe'
      case 'look':
        return this.#mute.has(unit) ? 'read' : 'safe'
      case 'write':
      case 'read':
        return kind
    }
  }

  /** A unit has answered. Says whether that changes what it can claim. */
  answered({ kind, unit }: { readonly kind: ExchangeKind; readonly unit: number }): boolean {
    // That it takes writes does not say that it can be looked at.
    const spoke = kind !== 'safe' && this.#mute.delete(unit)
    return this.#deaf.delete(unit) || spoke
  }

  /** A unit has not answered in its time. Says whether that changes what it can claim. */
  missed({ kind, unit }: { readonly kind: ExchangeKind; readonly unit: number }): boolean {
    const units = kind === 'safe' ? this.#deaf : this.#mute
    return !units.has(unit) && units.add(unit).has(unit)
  }
}
