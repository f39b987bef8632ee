import type { Supervision } from '../../failsafe/supervision.ts'
import type { Outcome } from '../../model/outcome.ts'
import { Refusal } from '../../model/refusal.ts'
import type { Setpoint } from '../../model/setpoint.ts'
import type { Clock, Millis } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { latencyOf, recordedLatency } from './accepted.ts'
import { actuate } from './actuate.ts'
import type { Actuator } from './actuator.ts'
import { type Authenticator, authenticate } from './authenticate.ts'
import { type Authorized, authorizeCommand } from './authorize.ts'
import { type CommandMeter, type Lap, startLaps } from './laps.ts'
import { patiently } from './patience.ts'
import { lookAhead, type Permits, permit } from './permit.ts'
import { type Progress, READ_TIMEOUTS, writeWithin } from './progress.ts'
import { unlessTooEarly } from './rates.ts'
import { type Received, wayOf } from './received.ts'
import { type Intended, recordIntent } from './record-intent.ts'
import type { Refusals } from './refusals.ts'
import { Refused } from './refused.ts'
import { verify } from './verify.ts'

export interface Commands {
  readonly authenticator: Authenticator
  readonly actuators: ReadonlyMap<string, Actuator>
  readonly permits: Permits
  readonly audit: AuditLog
  readonly refusals: Refusals
  /** Learns of every movement. */
  readonly supervision: Pick<Supervision, 'moving' | 'moved'>
  readonly meter?: CommandMeter
  readonly clock: Clock
  readonly progress: Progress
  /** Makes a name for a command, never the same twice. */
  newCommandId(): string
  /** A mistake of ours that no command should be able to cause. */
  onMistake(error: unknown): void
}

/** What is answered about a command. */
export interface CommandAnswer {
  readonly outcome: Outcome
  readonly actuator: string
  /** Undefined when the command was refused before its intention was recorded. */
  readonly command?: string
  readonly latency: Millis
  /** Whether intention and outcome are in the audit log. */
  readonly recorded: boolean
}

/** Carries a command out, and has its time and its end counted. */
export async function carryOut(received: Received, id: string, commands: Commands): Promise<CommandAnswer> {
  const answer = await throughStages(received, id, commands)
  const actuator = commands.actuators.has(id) ? id : 'unknown'
  commands.meter?.ended(actuator, answer.outcome.kind, answer.latency)
  return answer
}

/**
 * The story of a command, from top to bottom. Each stage takes what the one before it made, so none can be left out.
 *
 *     receive → authenticate → authorize → permit → record intent → actuate → verify → record outcome → answer
 */
async function throughStages(received: Received, id: string, commands: Commands): Promise<CommandAnswer> {
  const { authenticator, actuators, permits, audit, clock } = commands
  const refused = async (no: Refused, command?: Authorized): Promise<CommandAnswer> => {
    const asked = command && { asked: command.target.setpoint, reason: command.reason }
    const recorded = await commands.refusals.of(received, no, id, {
      ...asked,
      latency: latencyOf(received, clock),
    })
    return {
      outcome: { kind: 'refused', refusal: no.refusal },
      actuator: id,
      latency: latencyOf(received, clock),
      recorded,
    }
  }

  const lap = startLaps(received.arrived.monotonic, clock, commands.meter)
  lap('receive')
  const authenticated = authenticate(received, authenticator)
  lap('authenticate')
  if (authenticated instanceof Refused) return refused(unlessTooEarly(received, authenticated))

  const authorized = authorizeCommand(authenticated, id, actuators)
  lap('authorize')
  if (authorized instanceof Refused) return refused(authorized)

  const early = await lookAhead(authorized, permits)
  const permission = early ? new Refused(early, authenticated.who) : permit(authorized, permits)
  lap('permit')
  if (permission instanceof Refused) return refused(permission, authorized)
  using permitted = permission

  const intended = await recordIntent(permitted, audit, clock, commands.newCommandId())
  lap('record-intent')
  if (intended instanceof Refused) return refused(intended, authorized)

  const outcome = await moveAndLook(intended, commands, lap)
  const latency = latencyOf(received, clock)
  const recorded = await recordOutcome(intended, outcome, latency, commands)
  lap('record-outcome')
  return {
    outcome,
    actuator: id,
    command: intended.command,
    latency,
    recorded: intended.recorded && recorded,
  }
}

/**
 * Writes and verifies. From the record of the intention on there is an outcome, whatever happens: should a mistake of ours
 * come in between, nobody knows what the plant did, and that is what is answered and recorded.
 */
async function moveAndLook(intended: Intended, commands: Commands, lap: Lap): Promise<Outcome> {
  const { permits } = commands
  const { authorized } = intended.permitted
  const { id, travelTime, deviceTimeout: timeout, turnWithin } = authorized.actuator
  // A write, the travel, the look that it ends with, and one more where somebody was overruled.
  const within = writeWithin({ timeout, turnWithin }) + travelTime + 2 * READ_TIMEOUTS * timeout
  using _ = commands.progress.begin(`a command to ${id}`, within)
  try {
    const { actuator, target, towardsSafe } = authorized
    commands.supervision.moving(actuator.id)
    const actuated = await actuate(intended, commands.authenticator.revocations)
    lap('actuate')
    if (actuated instanceof Refusal) return { kind: 'refused', refusal: actuated }
    permits.pacing.written(authorized, actuated.sure)
    const outcome = await verify(actuated, commands.clock)
    lap('verify')
    const isDone = outcome.kind === 'verified' || outcome.kind === 'mismatch'
    if (isDone && !intended.permitted.control.signal.aborted)
      commands.supervision.moved(actuator.id, target, towardsSafe)
    return outcome
  } catch (error) {
    commands.onMistake(error)
    permits.pacing.written(authorized, false)
    const asked = authorized.target.setpoint
    return {
      kind: 'unknown',
      asked,
      found: null,
      detail: 'the agent made a mistake on the way, and has logged it',
    }
  }
}

/** The outcome is durable before it is answered. When it cannot be, the answer is still the truth, and says so. */
async function recordOutcome(
  intended: Intended,
  outcome: Outcome,
  latency: Millis,
  { audit, clock }: Commands,
): Promise<boolean> {
  const { authenticated, actuator, target, reason, towardsSafe } = intended.permitted.authorized
  // What was done is told, however late: a log that takes nothing now has it once it does.
  const appended = audit.appendOrKeep({
    kind: 'command-outcome',
    command: intended.command,
    actuator: actuator.id,
    asked: target.setpoint,
    outcome: outcome.kind,
    ...detailsOf(outcome),
    subject: authenticated.claims.subject,
    credential: authenticated.who.serial,
    ...wayOf(authenticated.received),
    ...(reason === undefined ? {} : { reason }),
    latency_ms: recordedLatency(latency),
  })
  const answer = await patiently(appended, towardsSafe, clock)
  return answer.kind === 'durable'
}

function detailsOf(outcome: Outcome): {
  found?: Setpoint | { between: number } | null
  code?: string
  detail?: string
} {
  switch (outcome.kind) {
    case 'verified':
      return { found: outcome.found }
    case 'mismatch':
    case 'unknown':
      return { found: outcome.found, detail: outcome.detail }
    case 'refused':
      return { code: outcome.refusal.code, detail: outcome.refusal.detail }
  }
}
