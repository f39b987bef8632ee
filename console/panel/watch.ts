import type { Millis, MonotonicMs, UnixMs } from '../../model/time.ts'
import type { StatusView } from '../status-view.ts'
import { type Answer, describeFailure } from './agent-link.ts'
import type { Holder } from './credential-text.ts'

/** A moment by both clocks: the monotonic one may stand still while the computer sleeps, the other may be set. */
export interface Moment {
  readonly wall: UnixMs
  readonly monotonic: MonotonicMs
}

/** What the page knows, and whether it asks: it does only while somebody is signed in. */
export type Watch = SignedOut | SignedIn

export interface SignedOut {
  readonly kind: 'signed-out'
  /** Why, where it was not the person's own wish. */
  readonly said?: string
}

export interface SignedIn {
  readonly kind: 'signed-in'
  readonly holder: Holder
  /** The last status that the agent told, and when. */
  readonly known?: { readonly status: StatusView; readonly at: Moment }
  /** Why the last asking brought none, in words. */
  readonly silence?: string
}

/** How often the agent is asked while it answers. */
export const ASK_EVERY: Millis = 2000
/** How long one asking may take. The agent answers when its slowest device has, or has not in its own time: then it has much to tell. */
export const ASK_DEADLINE: Millis = 30_000
/** So long before its end a credential is put away: nothing that was signed with it arrives when it has ended. */
export const PUT_AWAY_BEFORE: Millis = 2000
/** What is older than this is shown as old, whatever the reason. */
export const OLD_AFTER: Millis = 5000

/** Codes that say that the credential is worth nothing here, whatever is asked with it. */
const WORTHLESS = new Set([
  'credential-malformed',
  'wrong-gateway',
  'digest-mismatch',
  'signature-invalid',
  'revoked',
  'caveat-unknown',
  'credential-incomplete',
  'network-denied',
  'identity-denied',
])

/**
 * Whether an answer ends being signed in. It must: asking on would look to the agent like somebody who tries keys, and might
 * count against them.
 */
export function isEnd(answer: Answer): boolean {
  return answer.kind === 'problem' && (answer.status === 401 || WORTHLESS.has(answer.problem.code))
}

/** What is known after the agent was asked for its status. */
export function heard(watch: Watch, answer: Answer, now: Moment): Watch {
  if (watch.kind === 'signed-out') return watch
  const { silence: _, ...before } = watch
  if (answer.kind === 'answered')
    return { ...before, known: { status: answer.body as unknown as StatusView, at: now } }
  // Reading takes no more than the right to read: whoever is denied that is denied it every time.
  const isDenied = answer.kind === 'problem' && answer.status === 403
  return isDenied || isEnd(answer)
    ? { kind: 'signed-out', said: `You were signed out: ${describeFailure(answer)}` }
    : { ...before, silence: describeFailure(answer) }
}

/** What is known when time has passed: at its end a credential is not used any more, not even once. */
export function passed(watch: Watch, now: Moment): Watch {
  if (watch.kind === 'signed-out' || agentTime(watch, now) < watch.holder.until - PUT_AWAY_BEFORE)
    return watch
  const end = new Date(watch.holder.until).toISOString()
  return { kind: 'signed-out', said: `You were signed out: your credential ends at ${end}. Get a new one.` }
}

/** What time it is for the agent, as far as it has told: its clock decides when a credential ends, and not this computer's. */
export function agentTime({ known }: SignedIn, now: Moment): UnixMs {
  return known === undefined ? now.wall : Date.parse(known.status.time) + since(known.at, now)
}

/** How old what is shown is; the longer of what two clocks say. */
export function ageOf({ known }: SignedIn, now: Moment): Millis | undefined {
  return known === undefined ? undefined : since(known.at, now)
}

/** Why what is shown must not be taken for live, in words; undefined while it may. */
export function staleness(watch: SignedIn, now: Moment): string | undefined {
  const age = ageOf(watch, now)
  if (watch.silence !== undefined) return watch.silence
  return age !== undefined && age > OLD_AFTER ? 'no answer in time' : undefined
}

function since(at: Moment, now: Moment): Millis {
  return Math.max(0, now.monotonic - at.monotonic, now.wall - at.wall)
}
