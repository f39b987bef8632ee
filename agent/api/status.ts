import type { Trips } from '../../failsafe/trips.ts'
import type { Guards } from '../../failsafe/watchdog/guards.ts'
import type { Json } from '../../model/json.ts'
import { describeDomain } from '../../model/setpoint.ts'
import type { MonotonicMs } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { type Actuator, foundOf } from '../command/actuator.ts'
import type { Permits } from '../command/permit.ts'
import type { BreakGlass } from '../credential/break-glass/break-glass.ts'
import type { EpochKeys } from '../credential/epoch-keys.ts'
import { SKEW_MAX } from '../credential/replay.ts'
import type { ClockKeeper } from '../time/clock-keeper.ts'
import type { KeptClock } from '../time/kept-clock.ts'
import type { Readings } from './readings.ts'

/** Everything that a status is drawn from. */
export interface Condition {
  readonly environment: string
  readonly gateway: string
  readonly started: MonotonicMs
  readonly clock: KeptClock
  readonly clockKeeper: Pick<ClockKeeper, 'synchronised'>
  readonly keys: EpochKeys
  readonly glass: BreakGlass
  masterKey(): string
  readonly audit: AuditLog
  readonly trips: Trips
  readonly permits: Permits
  readonly guards: Guards
  readonly actuators: ReadonlyMap<string, Actuator>
  readonly readings: Readings
  /** Identities whose commands away from safe are refused, with the reason. */
  suspended(): Readonly<Record<string, string>>
}

/** Why the agent would refuse a command away from safe, whoever sends it; empty when it would not. */
export function troubles({ keys, permits, guards }: Condition): string[] {
  return [
    keys.trouble && `master key: ${keys.trouble.detail}`,
    permits.clockTrouble() && `clock: ${permits.clockTrouble()}`,
    permits.auditTrouble() && `audit log: ${permits.auditTrouble()}`,
    permits.replayTrouble() && `replay memory: ${permits.replayTrouble()}`,
    ...[...guards.states].map(
      ([device, state]) => state.kind !== 'armed' && `device ${device}: ${state.detail}`,
    ),
  ].filter(trouble => typeof trouble === 'string')
}

/** The agent's own condition, without asking any device. */
export async function viewAgent(condition: Condition): Promise<{ [key: string]: Json }> {
  const { keys, audit, clock } = condition
  const { size, queue, lastCommitMs, unwritable } = audit.state()
  return {
    environment: condition.environment,
    gateway: condition.gateway,
    time: new Date(clock.wall()).toISOString(),
    clock: viewClock(condition),
    uptime_ms: Math.round(clock.monotonic() - condition.started),
    troubles: troubles(condition),
    master_key: {
      source: condition.masterKey(),
      generation: keys.generation,
      generations: keys.generations.map(({ master, since, retiresAt }) => ({
        generation: master.generation,
        since: since === undefined ? null : new Date(since).toISOString(),
        until: retiresAt === undefined ? null : new Date(retiresAt).toISOString(),
      })),
      epoch: keys.epochAt(clock.wall()),
      available: keys.trouble === undefined,
      ...(keys.trouble
        ? { reason: keys.trouble.reason, detail: keys.trouble.detail, remedy: keys.trouble.remedy }
        : {}),
    },
    audit: {
      records: size,
      queue,
      last_commit_ms: lastCommitMs ?? null,
      ...(unwritable ? { unwritable } : {}),
    },
    break_glass: await viewGlass(condition.glass),
    device_watchdogs: Object.fromEntries(condition.guards.states),
    suspended: condition.suspended(),
  }
}

function viewClock({ clock, clockKeeper }: Condition): Json {
  const { state } = clock
  return {
    state: state.kind,
    ...(state.kind === 'holdover' ? { disagreement_ms: Math.round(state.disagreement) } : {}),
    ...(state.kind === 'behind' ? { floor: new Date(state.floor).toISOString() } : {}),
    synchronised: clockKeeper.synchronised ?? null,
    skew_max_ms: SKEW_MAX,
  }
}

async function viewGlass(glass: BreakGlass): Promise<Json> {
  const state = await glass.state()
  return state.kind === 'open'
    ? { state: 'open', until: new Date(state.until).toISOString() }
    : { state: state.kind }
}

/** One actuator, with its feedback read from the device now: nothing here is a memory of what was commanded. */
export async function viewActuator(
  actuator: Actuator,
  { trips, readings, permits }: Condition,
): Promise<{ [key: string]: Json }> {
  const reading = await readings.read(actuator)
  const first = trips.firstOut(actuator.id)
  const pending = permits.approvals.pending
    .filter(asked => asked.actuator === actuator.id)
    .map(({ action, setpoint, subject, until }) => ({
      action,
      ...(setpoint === undefined ? {} : { setpoint }),
      subject,
      until: new Date(until).toISOString(),
    }))
  return {
    id: actuator.id,
    description: actuator.description,
    takes: describeDomain(actuator.domain),
    safe: actuator.safe.setpoint,
    position: foundOf(actuator, reading),
    quality: reading.kind === 'value' ? 'good' : 'bad',
    ...(reading.kind === 'failed' ? { detail: reading.reason } : {}),
    phase: trips.phase(actuator.id),
    ...(pending.length > 0 ? { awaiting_approval: pending } : {}),
    ...(first
      ? { first_out: { cause: first.cause, detail: first.detail, at: new Date(first.at).toISOString() } }
      : {}),
  }
}

export async function viewActuators(condition: Condition): Promise<{ [key: string]: Json }[]> {
  return await Promise.all(
    [...condition.actuators.values()].map(actuator => viewActuator(actuator, condition)),
  )
}
