import type { Json } from '../../model/json.ts'
import type { Millis } from '../../model/time.ts'
import type { ActuatorCard } from './actuator-card.ts'
import { type Answer, describeFailure } from './agent-link.ts'
import type { AlarmRow } from './alarm-row.ts'

/** What a person is asked before something is sent. */
export interface Question {
  readonly title: string
  readonly text: string
  /** The one button that does it. */
  readonly yes: string
  /** What else is to be filled in. */
  readonly wants: 'nothing' | 'optional reason' | 'shelf'
  /** What goes towards safe is done with Enter; anything else begins at its first field. */
  readonly isLoud: boolean
}

export interface Reply {
  readonly reason: string
  /** For how long: `1h`. */
  readonly duration: string
}

/** Something that a person does from the panel: what is asked first, what is sent, and what is said of it afterwards. */
export interface Deed {
  /** Undefined: it is done at once. */
  readonly question: Question | undefined
  readonly path: string
  /** How long its answer may take. */
  readonly deadline: Millis
  /** What it is about, for the line that says what came of it. */
  readonly name: string
  message(reply: Reply | undefined): Json
  /** What a good answer says. */
  done(body: Readonly<Record<string, Json>>): string
}

const SOON: Millis = 10_000
/** A trip is answered when the actuator was seen in its safe state, or its travel time is over. */
const TRAVEL: Millis = 120_000

export function tripDeed({ id, safe }: ActuatorCard): Deed {
  const where = safe.replace(/^safe: /, '')
  return {
    name: `trip ${id}`,
    path: `/v1/actuators/${id}/trip`,
    deadline: TRAVEL,
    question: {
      title: `Trip ${id}?`,
      text: `It goes to its safe state (${where}) now, with what trips together with it, and stays there until it is reset.`,
      yes: `Trip ${id} now`,
      wants: 'optional reason',
      isLoud: true,
    },
    message: withReason,
    done: () => 'tripped, and seen in its safe state',
  }
}

export function acknowledgeTripDeed({ id }: ActuatorCard): Deed {
  return {
    name: `acknowledge the trip of ${id}`,
    path: `/v1/actuators/${id}/acknowledge`,
    deadline: SOON,
    question: undefined,
    message: () => ({}),
    done: () => 'acknowledged. Nothing has moved',
  }
}

export function resetDeed({ id }: ActuatorCard): Deed {
  return {
    name: `reset ${id}`,
    path: `/v1/actuators/${id}/reset`,
    deadline: SOON,
    question: {
      title: `Reset the trip of ${id}?`,
      text: 'Nothing moves by it. From then on commands may move it again.',
      yes: `Reset ${id}`,
      wants: 'optional reason',
      isLoud: false,
    },
    message: withReason,
    done: () => 'reset. Nothing has moved; it stays as it is until a command moves it',
  }
}

export function acknowledgeDeed({ id, name, about }: AlarmRow): Deed {
  return {
    name: titled('acknowledge', name, about),
    path: '/v1/alarms/acknowledge',
    deadline: SOON,
    question: undefined,
    message: () => ({ alarm: String(id) }),
    done: () => 'acknowledged',
  }
}

export function shelveDeed({ id, name, about }: AlarmRow): Deed {
  return {
    name: titled('shelve', name, about),
    path: '/v1/alarms/shelve',
    deadline: SOON,
    question: {
      title: `Shelve ${titled('', name, about)}?`,
      text: 'Nobody hears of it until its time is over, or it becomes critical. The fail-safe goes on.',
      yes: 'Shelve it',
      wants: 'shelf',
      isLoud: false,
    },
    message: reply => ({ alarm: String(id), for: reply?.duration ?? '', reason: reply?.reason ?? '' }),
    done: () => 'shelved',
  }
}

export function unshelveDeed({ id, name, about }: AlarmRow): Deed {
  return {
    name: titled('unshelve', name, about),
    path: '/v1/alarms/unshelve',
    deadline: SOON,
    question: undefined,
    message: () => ({ alarm: String(id) }),
    done: () => 'not shelved any more',
  }
}

/** What came of it, for the person who did it. A missing answer is never taken for a success, nor for a failure. */
export function outcomeOf(
  { name, done }: Pick<Deed, 'name' | 'done'>,
  answer: Answer,
): { readonly text: string; readonly isBad: boolean } {
  switch (answer.kind) {
    case 'answered':
      return { text: `${name}: ${done(answer.body as Readonly<Record<string, Json>>)}`, isBad: false }
    case 'problem':
      return { text: `${name}: NOT DONE: ${describeFailure(answer)}`, isBad: true }
    case 'unreachable':
      return {
        text: `${name}: ${answer.detail}. NOBODY KNOWS whether the agent got it: look at the plant before you do it again`,
        isBad: true,
      }
  }
}

function withReason(reply: Reply | undefined): Json {
  return reply === undefined || reply.reason === '' ? {} : { reason: reply.reason }
}

function titled(verb: string, name: string, about: string): string {
  return [verb, name, about].filter(word => word !== '').join(' ')
}
