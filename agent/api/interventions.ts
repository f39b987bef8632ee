import type { Heartbeats } from '../../failsafe/heartbeats.ts'
import { replayDoubt } from '../command/authenticate.ts'
import { authorizeActuator, authorizeRequest } from '../command/authorize.ts'
import type { Received } from '../command/received.ts'
import { Refused, refuse } from '../command/refused.ts'
import { type Resets, reset } from '../command/reset.ts'
import { acknowledge, type ManualTrips, tripByHand } from '../command/trip.ts'
import { type HttpAnswer, viewUnkept } from './answers.ts'
import type { Callers } from './callers.ts'
import { viewTrip } from './status.ts'

export interface InterventionParts {
  readonly resets: Resets
  readonly manualTrips: ManualTrips
  readonly heartbeats: Pick<Heartbeats, 'beat'>
}

/** What people do about the fail-safe: trip by hand, acknowledge, reset, and show that they are there. */
export class Interventions {
  readonly #callers: Callers
  readonly #parts: InterventionParts

  constructor(callers: Callers, parts: InterventionParts) {
    this.#callers = callers
    this.#parts = parts
  }

  async trip(received: Received, id: string): Promise<HttpAnswer | Refused> {
    const by = this.#callers.stopper(received, 'trip')
    const tripped = by instanceof Refused ? by : await tripByHand(received, by, id, this.#parts.manualTrips)
    if (tripped instanceof Refused) return tripped
    const { phase, unkept } = tripped
    return { status: 200, body: { outcome: 'tripped', actuator: id, phase, ...viewUnkept(unkept) } }
  }

  async acknowledge(received: Received, id: string): Promise<HttpAnswer | Refused> {
    const by = this.#callers.stopper(received, 'acknowledge')
    if (by instanceof Refused) return by
    // A recorded acknowledgement must not stand for one of what has tripped since.
    const doubt = by && replayDoubt(by, this.#parts.resets.replayTrouble)
    if (doubt) return refuse('replay-memory-lost', doubt, 'its trip stands meanwhile', by.who)
    const seen = await acknowledge(received, by, id, this.#parts.manualTrips)
    if (seen instanceof Refused) return seen
    const { first, unkept } = seen
    return {
      status: 200,
      body: { outcome: 'acknowledged', actuator: id, first_out: viewTrip(first), ...viewUnkept(unkept) },
    }
  }

  async reset(received: Received, id: string): Promise<HttpAnswer | Refused> {
    const authenticated = this.#callers.signer(received)
    const cleared =
      authenticated instanceof Refused ? authenticated : await reset(authenticated, id, this.#parts.resets)
    if (cleared instanceof Refused) return cleared
    const { first, unkept } = cleared
    return {
      status: 200,
      body: { outcome: 'reset', actuator: id, cleared: viewTrip(first), ...viewUnkept(unkept) },
    }
  }

  async heartbeat(received: Received, id: string): Promise<HttpAnswer | Refused> {
    const authenticated = this.#callers.signer(received)
    if (authenticated instanceof Refused) return authenticated
    const denied = authorizeRequest(authenticated, 'command') ?? authorizeActuator(authenticated, id)
    if (denied) return denied
    const { who } = authenticated
    if (!this.#parts.manualTrips.actuators.has(id))
      return refuse('actuator-unknown', `there is no actuator ${id}`, 'see `holdfast status`', who)
    // A recorded heartbeat must not pass for somebody who is there.
    const doubt = replayDoubt(authenticated, this.#parts.resets.replayTrouble)
    if (doubt) return refuse('replay-memory-lost', doubt, undefined, who)
    this.#parts.heartbeats.beat(id)
    return { status: 200, body: { outcome: 'heard', actuator: id } }
  }
}
