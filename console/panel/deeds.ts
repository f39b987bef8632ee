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
  /** What a good answer says, in words; undefined when it does not say that it was done. */
  done(body: Readonly<Record<string, Json>>): string | undefined
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
    done: body =>
      isAbout(body, 'tripped', id)
        ? `${body.phase === 'tripped' ? 'tripped, and seen in its safe state' : `it is ${body.phase}`}${butLost(body, 'not be tripped any more')}`
        : undefined,
  }
}

export function acknowledgeTripDeed({ id }: ActuatorCard): Deed {
  return {
    name: `acknowledge the trip of ${id}`,
    path: `/v1/actuators/${id}/acknowledge`,
    deadline: SOON,
    question: undefined,
    message: () => ({}),
    done: body =>
      isAbout(body, 'acknowledged', id)
        ? `acknowledged. Nothing has moved${butLost(body, 'have to be acknowledged again')}`
        : undefined,
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
    done: body =>
      isAbout(body, 'reset', id)
        ? `reset. Nothing has moved; it stays as it is until a command moves it${butLost(body, 'be tripped again')}`
        : undefined,
  }
}

export function acknowledgeDeed({ id, name, about }: AlarmRow): Deed {
  return {
    name: titled('acknowledge', name, about),
    path: '/v1/alarms/acknowledge',
    deadline: SOON,
    question: undefined,
    message: () => ({ alarm: String(id) }),
    done: body => listed(body, id, 'acknowledged'),
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
    done: body => listed(body, id, 'shelved'),
  }
}

export function unshelveDeed({ id, name, about }: AlarmRow): Deed {
  return {
    name: titled('unshelve', name, about),
    path: '/v1/alarms/unshelve',
    deadline: SOON,
    question: undefined,
    message: () => ({ alarm: String(id) }),
    done: body => listed(body, id, 'not shelved any more'),
  }
}

/** What came of it, for the person who did it. A missing answer is never taken for a success, nor for a failure. */
export function outcomeOf(
  { name, done }: Pick<Deed, 'name' | 'done'>,
  answer: Answer,
): { readonly text: string; readonly isBad: boolean } {
  switch (answer.kind) {
    case 'answered': {
      const said = done(answer.body as Readonly<Record<string, Json>>)
      return said === undefined
        ? nobodyKnows(name, 'the answer does not say what became of it')
        : { text: `${name}: ${said}`, isBad: false }
    }
    case 'problem':
      return { text: `${name}: NOT DONE: ${describeFailure(answer)}`, isBad: true }
    case 'unreachable':
      return nobodyKnows(name, answer.detail)
  }
}

function nobodyKnows(name: string, why: string): { readonly text: string; readonly isBad: boolean } {
  return {
    text: `${name}: ${why}. NOBODY KNOWS whether it was done: look at the plant before you do it again`,
    isBad: true,
  }
}

/** Whether an answer is the one that was hoped for: anything else is not taken for it. */
function isAbout(body: Readonly<Record<string, Json>>, outcome: string, actuator: string): boolean {
  return body.outcome === outcome && body.actuator === actuator
}

/** What the disk has not taken counts now, and is forgotten at a power cut. */
function butLost({ unkept }: Readonly<Record<string, Json>>, what: string): string {
  return unkept === undefined ? '' : `. BUT it would ${what} after a power cut: ${unkept}`
}

function listed({ alarms }: Readonly<Record<string, Json>>, id: number, words: string): string | undefined {
  const list = (Array.isArray(alarms) ? alarms : []) as readonly { readonly id?: Json }[]
  return list.some(alarm => alarm.id === id) ? words : undefined
}

function withReason(reply: Reply | undefined): Json {
  return reply === undefined || reply.reason === '' ? {} : { reason: reply.reason }
}

function titled(verb: string, name: string, about: string): string {
  return [verb, name, about].filter(word => word !== '').join(' ')
}
