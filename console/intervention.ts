import { EXIT } from '../model/exit.ts'
import type { Json } from '../model/json.ts'
import type { Millis } from '../model/time.ts'
import { parseDuration } from '../model/time.ts'
import {
  findMisnamed,
  misused,
  openClient,
  report,
  type SessionOptions,
  type Surroundings,
} from './session.ts'

interface ReasonOptions extends SessionOptions {
  readonly reason?: string
}

/** `holdfast trip` */
export async function trip(actuator: string, options: ReasonOptions, around: Surroundings): Promise<number> {
  const session = findMisnamed([actuator]) ?? (await openClient(options, around))
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.trip(actuator, options.reason)
  return report(
    answer,
    options,
    around,
    body =>
      `${actuator}: tripped, and in its safe state. It stays there until somebody has acknowledged it and an engineer has reset it.\n${butLost(body, 'not be tripped any more')}`,
  )
}

/** What the disk has not taken counts now, and is forgotten at a power cut. */
export function butLost({ unkept }: Readonly<Record<string, Json>>, what: string): string {
  return unkept === undefined ? '' : `BUT it would ${what} after a power cut: ${unkept}\n`
}

/** `holdfast acknowledge` */
export async function acknowledge(
  actuator: string,
  options: SessionOptions,
  around: Surroundings,
): Promise<number> {
  const session = findMisnamed([actuator]) ?? (await openClient(options, around))
  if (typeof session === 'string') return misused(session, around)
  return report(await session.client.acknowledge(actuator), options, around, body => {
    const { cause, detail, at, acknowledged } = body.first_out as {
      cause: string
      detail: string
      at: string
      acknowledged: { by: string }
    }
    const next = `Next, once that is mended: holdfast reset ${actuator}`
    return `${actuator}: acknowledged by ${acknowledged.by}. First-out: ${cause} at ${at}\n${detail}\n${next}\n${butLost(body, 'have to be acknowledged again')}`
  })
}

/**
 * `holdfast heartbeat`: shows the agent that somebody is there, again and again, until it is interrupted. One that is
 * refused ends it; one that nobody answers does not, because the next may be answered in time.
 */
export async function heartbeat(
  actuators: readonly string[],
  options: SessionOptions & { every: string },
  around: Surroundings,
  interrupted: AbortSignal,
): Promise<number> {
  const every: Millis | undefined = parseDuration(options.every)
  if (every === undefined) return misused(`--every ${options.every}: expected a duration such as 5s`, around)
  const session = findMisnamed(actuators) ?? (await openClient(options, around))
  if (typeof session === 'string') return misused(session, around)
  let isHeard = false
  while (!interrupted.aborted) {
    const answers = await Promise.all(actuators.map(id => session.client.heartbeat(id)))
    if (!isHeard && answers.every(({ kind }) => kind === 'answered')) {
      isHeard = true
      around.err(`heard, and again every ${options.every}; Ctrl-C ends it\n`)
    }
    for (const answer of answers) {
      if (answer.kind === 'answered') continue
      const code = report(answer, options, around, () => '')
      if (answer.kind === 'problem') return code
    }
    await around.clock.sleep(every, interrupted)
  }
  return EXIT.done
}

/** `holdfast listener open` */
export async function openListener(
  listener: string,
  options: ReasonOptions,
  around: Surroundings,
): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.openListener(listener, options.reason)
  return report(
    answer,
    options,
    around,
    (body: Record<string, Json>) => `${body.opened} is open again.\n${butLost(body, 'be closed again')}`,
  )
}

/** `holdfast suspension lift` */
export async function liftSuspension(
  identity: string,
  options: ReasonOptions,
  around: Surroundings,
): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.liftSuspension(identity, options.reason)
  return report(
    answer,
    options,
    around,
    (body: Record<string, Json>) =>
      `${body.lifted} may command again.\n${butLost(body, 'be suspended again')}`,
  )
}
