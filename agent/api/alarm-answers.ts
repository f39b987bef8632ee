import { formOf } from '../../model/alarm.ts'
import type { UnixMs } from '../../model/time.ts'
import { priorityIn, type StandingAlarm, stateOf } from '../alarms/standing.ts'
import { type Attending, acknowledgeAlarms, shelveAlarm, unshelveAlarm } from '../command/attend-alarm.ts'
import { replayDoubt } from '../command/authenticate.ts'
import type { Received } from '../command/received.ts'
import { Refused, refuse } from '../command/refused.ts'
import type { HttpAnswer } from './answers.ts'
import type { Callers } from './callers.ts'

/** An alarm as the API shows it, in `status` too. */
export function viewAlarm(alarm: StandingAlarm) {
  const { id, name, about, severity, detail, count, first, last, cleared, seen, shelf } = alarm
  return {
    id,
    alarm: name,
    state: stateOf(alarm),
    severity,
    priority: priorityIn(alarm),
    ...about,
    detail,
    consequence: formOf(name).consequence,
    remedy: formOf(name).remedy,
    count,
    first: iso(first),
    last: iso(last),
    ...(cleared === undefined ? {} : { cleared: iso(cleared) }),
    ...(seen ? { acknowledged: { by: seen.by, at: iso(seen.at) } } : {}),
    ...(shelf ? { shelved: { by: shelf.by, until: iso(shelf.until), reason: shelf.reason } } : {}),
  }
}

/** What people do about alarms. */
export class AlarmAnswers {
  readonly #callers: Callers
  readonly #attending: Attending

  constructor(callers: Callers, attending: Attending) {
    this.#callers = callers
    this.#attending = attending
  }

  acknowledge(received: Received): Promise<HttpAnswer | Refused> {
    return this.#attend(received, acknowledgeAlarms)
  }

  shelve(received: Received): Promise<HttpAnswer | Refused> {
    return this.#attend(received, shelveAlarm)
  }

  unshelve(received: Received): Promise<HttpAnswer | Refused> {
    return this.#attend(received, unshelveAlarm)
  }

  async #attend(received: Received, how: typeof acknowledgeAlarms): Promise<HttpAnswer | Refused> {
    const by = this.#callers.administrator(received, 'acknowledge')
    if (by instanceof Refused) return by
    // What was recorded must not take a later alarm out of sight.
    const doubt = by && replayDoubt(by, this.#attending.replayTrouble)
    if (doubt) return refuse('replay-memory-lost', doubt, 'the alarm stands meanwhile', by.who)
    const attended = await how(received, by, this.#attending)
    if (attended instanceof Refused) return attended
    return { status: 200, body: { alarms: attended.map(viewAlarm) } }
  }
}

function iso(at: UnixMs): string {
  return new Date(at).toISOString()
}
