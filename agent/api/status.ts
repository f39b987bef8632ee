import type { Holds } from '../../failsafe/holds.ts'
import type { Monitor } from '../../failsafe/monitor.ts'
import type { Trips } from '../../failsafe/trips.ts'
import type { Guards } from '../../failsafe/watchdog/guards.ts'
import type { Json } from '../../model/json.ts'
import { describeDomain, type Setpoint } from '../../model/setpoint.ts'
import type { MonotonicMs } from '../../model/time.ts'
import { type TripRecord, viewEvidence } from '../../model/trip.ts'
import type { Alarms } from '../alarms/alarms.ts'
import type { AuditLog } from '../audit/log.ts'
import { type Actuator, foundOf } from '../command/actuator.ts'
import type { Permits } from '../command/permit.ts'
import type { BreakGlass } from '../credential/break-glass/break-glass.ts'
import type { EpochKeys } from '../credential/epoch-keys.ts'
import { SKEW_MAX } from '../credential/replay.ts'
import type { ClockKeeper } from '../time/clock-keeper.ts'
import type { KeptClock } from '../time/kept-clock.ts'
import { viewAlarm } from './alarm-answers.ts'
import { viewGuards } from './guards.ts'
import type { Readings } from './readings.ts'

/** What the fail-safe shows of itself. */
export interface FailsafeView {
  readonly holds: Pick<Holds, 'heldBy'>
  readonly monitor: Pick<Monitor, 'latest'>
  unmet(actuator: string): { readonly kind: string; readonly detail: string } | undefined
  /** Where it was last seen to be on a command, and should still be. */
  setTo(actuator: string): Setpoint | undefined
}

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
  readonly alarms: Pick<Alarms, 'list'>
  readonly trips: Trips
  readonly permits: Permits
  /** The watchdogs of the devices. */
  readonly deviceGuards: Guards
  readonly actuators: ReadonlyMap<string, Actuator>
  readonly readings: Readings
  /** Identities whose commands away from safe are refused, with the reason. */
  suspended(): Readonly<Record<string, string>>
  /** Listeners that attacks have closed, with the reason. */
  closed(): Readonly<Record<string, string>>
  readonly failsafe: FailsafeView
}

/** Why the agent would refuse a command away from safe, whoever sends it; empty when it would not. */
export function troubles({ keys, permits, deviceGuards }: Condition): string[] {
  return [
    keys.trouble && `master key: ${keys.trouble.detail}`,
    permits.clockTrouble() && `clock: ${permits.clockTrouble()}`,
    permits.auditTrouble() && `audit log: ${permits.auditTrouble()}`,
    permits.replayTrouble() && `replay memory: ${permits.replayTrouble()}`,
    ...[...deviceGuards.states].map(
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
    alarms: condition.alarms.list.map(viewAlarm),
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
    device_watchdogs: Object.fromEntries(condition.deviceGuards.states),
    suspended: condition.suspended(),
    closed_listeners: condition.closed(),
  }
}

function viewClock({ clock, clockKeeper }: Condition): Json {
  const { state } = clock
  return {
    state: state.kind,
    ...(state.kind === 'holdover' ? { disagreement_ms: Math.round(state.disagreement) } : {}),
    floor: new Date(clock.floor).toISOString(),
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
  { trips, readings, permits, failsafe }: Condition,
): Promise<{ [key: string]: Json }> {
  const reading = await readings.read(actuator)
  const first = trips.firstOut(actuator.id)
  const held = failsafe.holds.heldBy(actuator.id)
  const unmet = failsafe.unmet(actuator.id)
  const setTo = failsafe.setTo(actuator.id)
  return {
    id: actuator.id,
    description: actuator.description,
    takes: describeDomain(actuator.domain),
    safe: actuator.safe?.setpoint ?? 'hold',
    ...(setTo === undefined ? {} : { set_to: setTo }),
    position: foundOf(actuator, reading),
    ...(reading.kind === 'value'
      ? { quality: 'good', age_ms: Math.round(reading.age) }
      : { quality: 'bad', detail: reading.reason }),
    phase: trips.phase(actuator.id),
    ...viewGuards(actuator.id, permits),
    ...(held ? { held } : {}),
    ...(unmet ? { unmet } : {}),
    ...(first ? { first_out: viewTrip(first) } : {}),
  }
}

export async function viewActuators(condition: Condition): Promise<{ [key: string]: Json }[]> {
  return await Promise.all(
    [...condition.actuators.values()].map(actuator => viewActuator(actuator, condition)),
  )
}

/** A trip as the API shows it. */
export function viewTrip({ cause, detail, at, evidence, acknowledged }: TripRecord): { [key: string]: Json } {
  return {
    cause,
    detail,
    at: new Date(at).toISOString(),
    ...(evidence ? { evidence: viewEvidence(evidence) } : {}),
    ...(acknowledged
      ? { acknowledged: { by: acknowledged.by, at: new Date(acknowledged.at).toISOString() } }
      : {}),
  }
}
