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
 * Who is moving what. One command away from safe at a time on an actuator; one towards safe takes the others' control
 * away and is never made to wait.
 */
export class Controls {
  readonly #underWay = new Map<string, Set<AbortController>>()
  #stopping: string | undefined

  take(actuator: string, towardsSafe: boolean): Control | Refusal {
    if (this.#stopping) return new Refusal('stopping', this.#stopping, 'try again once the agent is back')
    const others = this.#underWay.get(actuator) ?? new Set()
    if (others.size > 0 && !towardsSafe) {
      return new Refusal(
        'command-in-progress',
        `another command is moving ${actuator}`,
        'wait for its outcome',
      )
    }
    if (towardsSafe) this.overrule(actuator, 'a command towards the safe state came in')
    const mine = new AbortController()
    others.add(mine)
    this.#underWay.set(actuator, others)
    return { signal: mine.signal, [Symbol.dispose]: () => void others.delete(mine) }
  }

  /** Takes every control of an actuator away: what was authenticated and not yet written will not be written. */
  overrule(actuator: string, detail: string): void {
    for (const control of this.#underWay.get(actuator) ?? []) control.abort(new Overruled(detail))
  }

  /** Takes every control away and gives no new one. */
  stop(detail: string): void {
    this.#stopping = detail
    for (const actuator of this.#underWay.keys()) this.overrule(actuator, detail)
  }
}
