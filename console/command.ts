import type { AgentClient, Answer } from '../client/agent-client.ts'
import type { Json } from '../model/json.ts'
import type { Setpoint } from '../model/setpoint.ts'
import { butLost } from './intervention.ts'
import {
  findMisnamed,
  GIVE_CREDENTIAL,
  misused,
  openClient,
  report,
  type SessionOptions,
  type Surroundings,
} from './session.ts'

export interface CommandOptions extends SessionOptions {
  readonly reason?: string
  /** Selects first, and sends the command only when that was answered. */
  readonly select?: boolean
}

/** `holdfast command ACTUATOR SETPOINT` */
export async function command(
  actuator: string,
  setpoint: string,
  options: CommandOptions,
  around: Surroundings,
): Promise<number> {
  const asked = readSetpoint(setpoint)
  return await signed(
    actuator,
    options,
    around,
    async client => {
      if (options.select) {
        const selected = await client.select(actuator, asked, options.reason)
        if (selected.kind !== 'answered') return selected
      }
      const answer = await client.command(actuator, asked, options.reason)
      // Only an answer that says verified, of this actuator and this setpoint, is one.
      if (answer.kind !== 'answered' || isVerified(answer.body, actuator, asked)) return answer
      return { kind: 'unreachable', detail: 'the answer does not say what became of the command', sent: true }
    },
    body =>
      `${actuator}: ${body.found}, verified by its feedback in ${body.latency_ms} ms${body.recorded ? '' : ' (NOT recorded in the audit log)'}\n`,
  )
}

/** `holdfast select ACTUATOR SETPOINT` */
export async function select(
  actuator: string,
  setpoint: string,
  options: CommandOptions,
  around: Surroundings,
): Promise<number> {
  return await signed(
    actuator,
    options,
    around,
    client => client.select(actuator, readSetpoint(setpoint), options.reason),
    body =>
      body.outcome === 'selected'
        ? `${actuator}: ${body.asked} is selected until ${body.until}. Nothing has moved. Now: holdfast command ${actuator} ${setpoint}\n`
        : `${actuator}: no selection is needed: ${body.detail}. Nothing has moved. Now: holdfast command ${actuator} ${setpoint}\n`,
  )
}

/** `holdfast reset ACTUATOR` */
export async function reset(
  actuator: string,
  options: CommandOptions,
  around: Surroundings,
): Promise<number> {
  return await signed(
    actuator,
    options,
    around,
    client => client.reset(actuator, options.reason),
    body => {
      const cleared = body.cleared as { cause: string; detail: string; at: string }
      return `${actuator}: reset. Cleared: ${cleared.cause} at ${cleared.at}: ${cleared.detail}\nNothing was moved; it stays as it is until a command moves it.\n${butLost(body, 'be tripped again')}`
    },
  )
}

/** Asks something about one actuator that takes a credential, and says what came of it. */
export async function signed(
  actuator: string,
  options: CommandOptions,
  around: Surroundings,
  ask: (client: AgentClient) => Promise<Answer>,
  words: (body: Record<string, Json>) => string,
): Promise<number> {
  const misnamed = findMisnamed([actuator])
  if (misnamed) return misused(misnamed, around)
  if (options.credential === undefined) {
    return misused(`this needs a credential: ${GIVE_CREDENTIAL}`, around)
  }
  const session = await openClient(options, around)
  return typeof session === 'string'
    ? misused(session, around)
    : report(await ask(session.client), options, around, words)
}

function isVerified(body: Json, actuator: string, asked: Setpoint): boolean {
  const { outcome, actuator: moved, asked: answered } = body as Record<string, Json>
  return outcome === 'verified' && moved === actuator && answered === asked
}

/** A number is a value in the actuator's unit; anything else is the name of a position. */
function readSetpoint(text: string): Setpoint {
  return /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text
}
