import { Refusal } from '../../model/refusal.ts'

/** The right to move one actuator, for as long as one command is under way. `signal` aborts when it is taken away. */
export interface Control extends Disposable {
  readonly signal: AbortSignal
}

/** Why a control was taken away. */
export class Overruled extends Error {
  override readonly name = 'Overruled'
}

/**
 * Who is moving what. One command away from safe at a time on an actuator; one towards safe takes that one's control away
 * and is never made to wait. Several towards safe run beside each other: they want the same, and if each took over from
 * the last, none would be carried out.
 */
export class Controls {
  readonly #away = new Map<string, AbortController>()
  readonly #towards = new Map<string, Set<AbortController>>()
  #stopping: string | undefined

  take(actuator: string, towardsSafe: boolean): Control | Refusal {
    if (this.#stopping) return new Refusal('stopping', this.#stopping, 'try again once the agent is back')
    if (towardsSafe) {
      this.#away.get(actuator)?.abort(new Overruled('a command towards the safe state came in'))
      return this.#towardsSafe(actuator)
    }
    if (this.isMoving(actuator)) {
      return new Refusal(
        'command-in-progress',
        `another command is moving ${actuator}`,
        'wait for its outcome',
      )
    }
    const mine = new AbortController()
    this.#away.set(actuator, mine)
    return { signal: mine.signal, [Symbol.dispose]: () => void this.#away.delete(actuator) }
  }

  /** Whether a command is under way on an actuator. */
  isMoving(actuator: string): boolean {
    return this.#away.has(actuator) || (this.#towards.get(actuator)?.size ?? 0) > 0
  }

  /** A trip: whatever is under way on the actuator loses control. What was authenticated and not yet written is not written. */
  overrule(actuator: string, detail: string): void {
    this.#away.get(actuator)?.abort(new Overruled(detail))
  }

  /** Takes every control away and gives no new one. */
  stop(detail: string): void {
    this.#stopping = detail
    const all = [...this.#away.values(), ...[...this.#towards.values()].flatMap(set => [...set])]
    for (const control of all) control.abort(new Overruled(detail))
  }

  #towardsSafe(actuator: string): Control {
    const mine = new AbortController()
    const others = this.#towards.get(actuator) ?? new Set()
    this.#towards.set(actuator, others.add(mine))
    return {
      signal: mine.signal,
      [Symbol.dispose]: () => {
        others.delete(mine)
        if (others.size === 0) this.#towards.delete(actuator)
      },
    }
  }
}
