import type { Setpoint } from '../model/setpoint.ts'
import { misused, openClient, report, type SessionOptions, type Surroundings } from './session.ts'

/** `holdfast command ACTUATOR SETPOINT` */
export async function command(
  actuator: string,
  setpoint: string,
  options: SessionOptions & { reason?: string },
  around: Surroundings,
): Promise<number> {
  if (options.credential === undefined) return misused(NO_CREDENTIAL, around)
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.command(actuator, readSetpoint(setpoint), options.reason)
  return report(
    answer,
    options,
    around,
    body =>
      `${body.actuator}: ${body.found}, verified by its feedback in ${body.latency_ms} ms${body.recorded ? '' : ' (NOT recorded in the audit log)'}\n`,
  )
}

/** `holdfast reset ACTUATOR` */
export async function reset(
  actuator: string,
  options: SessionOptions & { reason?: string },
  around: Surroundings,
): Promise<number> {
  if (options.credential === undefined) return misused(NO_CREDENTIAL, around)
  const session = await openClient(options, around)
  if (typeof session === 'string') return misused(session, around)
  const answer = await session.client.reset(actuator, options.reason)
  return report(answer, options, around, body => {
    const cleared = body.cleared as { cause: string; detail: string; at: string }
    return `${body.actuator}: reset. Cleared: ${cleared.cause} at ${cleared.at}: ${cleared.detail}\nNothing was moved; it stays as it is until a command moves it.\n`
  })
}

const NO_CREDENTIAL = 'this needs a credential: --credential FILE, or HOLDFAST_CREDENTIAL in the environment'

/** A number is a value in the actuator's unit; anything else is the name of a position. */
function readSetpoint(text: string): Setpoint {
  return /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text
}
