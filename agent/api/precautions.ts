import { type Locking, lockOut, unlock } from '../command/lock-out.ts'
import type { Commands } from '../command/pipeline.ts'
import type { Received } from '../command/received.ts'
import { Refused } from '../command/refused.ts'
import { select } from '../command/select.ts'
import { answerSelect, type HttpAnswer } from './answers.ts'
import type { Callers } from './callers.ts'
import { answerLockout, answerUnlock } from './lockout-answers.ts'

/** What people do before anything moves: say what they are going to ask for, and lock out. */
export class Precautions {
  readonly #callers: Callers
  readonly #commands: Commands
  readonly #locking: Locking

  constructor(callers: Callers, commands: Commands, locking: Locking) {
    this.#callers = callers
    this.#commands = commands
    this.#locking = locking
  }

  async select(received: Received, id: string): Promise<HttpAnswer | Refused> {
    const selected = await select(received, id, this.#commands)
    return selected instanceof Refused ? selected : answerSelect(id, selected)
  }

  async lockOut(received: Received, id: string): Promise<HttpAnswer | Refused> {
    const by = this.#callers.signer(received)
    const set = by instanceof Refused ? by : await lockOut(by, id, this.#locking)
    if (set instanceof Refused) return set
    return answerLockout(set, this.#locking.actuators.get(id)?.safe?.setpoint)
  }

  async unlock(received: Received, id: string): Promise<HttpAnswer | Refused> {
    const by = this.#callers.signer(received)
    const ended = by instanceof Refused ? by : await unlock(by, id, this.#locking)
    return ended instanceof Refused ? ended : answerUnlock(ended, this.#locking.permits.lockouts.of(id))
  }
}
