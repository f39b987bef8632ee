import type { AgentClient, Answer } from '../client/agent-client.ts'
import type { Json } from '../model/json.ts'
import { parseDuration } from '../model/time.ts'
import { type AlarmView, aboutOf } from './alarm-view.ts'
import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'

/** `holdfast alarms` */
export async function alarms(options: SessionOptions, around: Surroundings): Promise<number> {
  return await ask(
    options,
    around,
    client => client.alarms(),
    list => {
      const nothing = 'no alarm stands\n'
      return list.length === 0 ? nothing : `${list.map(describeAlarm).join('\n')}\n`
    },
  )
}

/** `holdfast alarm acknowledge NAME|ID` */
export async function acknowledgeAlarm(
  which: string,
  options: SessionOptions,
  around: Surroundings,
): Promise<number> {
  return await ask(
    options,
    around,
    client => client.acknowledgeAlarm(which),
    list => list.map(view => `${titleOf(view)}: ${seenBy(view)}${STILL[view.state] ?? ''}\n`).join(''),
  )
}

function titleOf(view: AlarmView): string {
  const about = aboutOf(view)
  return `${view.id} ${view.alarm}${about === undefined ? '' : ` ${about}`}`
}

/** Whoever was the first: seeing it again changes nothing. */
function seenBy({ acknowledged }: AlarmView): string {
  return acknowledged ? `acknowledged by ${acknowledged.by}` : 'acknowledged'
}

const STILL: Readonly<Record<string, string>> = {
  normal: ', and it is over',
  acknowledged: '; it stands until what it tells of is over',
}

export interface ShelveOptions extends SessionOptions {
  readonly for: string
  readonly reason: string
}

/** `holdfast alarm shelve NAME|ID` */
export async function shelveAlarm(
  which: string,
  options: ShelveOptions,
  around: Surroundings,
): Promise<number> {
  if (parseDuration(options.for) === undefined)
    return misused(`--for ${options.for}: expected a duration such as 1h`, around)
  return await ask(
    options,
    around,
    client => client.shelveAlarm(which, options.for, options.reason),
    list => list.map(view => `${titleOf(view)}: shelved until ${view.shelved?.until}\n`).join(''),
  )
}

/** `holdfast alarm unshelve NAME|ID` */
export async function unshelveAlarm(
  which: string,
  options: SessionOptions,
  around: Surroundings,
): Promise<number> {
  return await ask(
    options,
    around,
    client => client.unshelveAlarm(which),
    list => list.map(view => `${titleOf(view)}: not shelved; it is ${view.state}\n`).join(''),
  )
}

async function ask(
  options: SessionOptions,
  around: Surroundings,
  what: (client: AgentClient) => Promise<Answer>,
  words: (alarms: readonly AlarmView[]) => string,
): Promise<number> {
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  return report(await what(session.client), options, around, (body: Record<string, Json>) =>
    words(body.alarms as unknown as AlarmView[]),
  )
}

/** One alarm in lines for a table: what it is, what it says, and what to do next. */
export function describeAlarm(view: AlarmView): string {
  const { id, severity, priority, state, alarm, detail, remedy, count, last, acknowledged, shelved } = view
  const about = aboutOf(view)
  const often = count > 1 ? `, ${count} times` : ''
  const lines = [
    `${String(id).padStart(4)}  P${priority}  ${severity.toUpperCase().padEnd(8)}  ${state.padEnd(14)}  ${alarm}${about === undefined ? '' : `  ${about}`}  (${last}${often})`,
    `      ${detail}`,
    ...(acknowledged ? [`      acknowledged by ${acknowledged.by} at ${acknowledged.at}`] : []),
    ...(shelved ? [`      shelved by ${shelved.by} until ${shelved.until}: ${shelved.reason}`] : []),
    ...(state === 'shelved' ? [] : [`      next: ${remedy}`]),
  ]
  return lines.join('\n')
}
