import type { Trips } from '../../failsafe/trips.ts'
import type { Json } from '../../model/json.ts'
import { describeDomain } from '../../model/setpoint.ts'
import type { Clock, MonotonicMs } from '../../model/time.ts'
import type { AuditLog } from '../audit/log.ts'
import { type Actuator, foundOf } from '../command/actuator.ts'
import type { Permits } from '../command/permit.ts'
import type { EpochKeys } from '../credential/epoch-keys.ts'
import type { Readings } from './readings.ts'

/** Everything that a status is drawn from. */
export interface Condition {
  readonly environment: string
  readonly gateway: string
  readonly started: MonotonicMs
  readonly clock: Clock
  readonly keys: EpochKeys
  masterKey(): string
  readonly audit: AuditLog
  readonly trips: Trips
  readonly permits: Permits
  readonly actuators: ReadonlyMap<string, Actuator>
  readonly readings: Readings
  /** Identities whose commands away from safe are refused, with the reason. */
  suspended(): Readonly<Record<string, string>>
}

/** Why the agent would refuse a command away from safe, whoever sends it; empty when it would not. */
export function troubles({ keys, permits }: Condition): string[] {
  return [
    keys.trouble && `master key: ${keys.trouble.detail}`,
    permits.auditTrouble() && `audit log: ${permits.auditTrouble()}`,
    permits.replayTrouble() && `replay memory: ${permits.replayTrouble()}`,
  ].filter(trouble => typeof trouble === 'string')
}

/** The agent's own condition, without asking any device. */
export function viewAgent(condition: Condition): { [key: string]: Json } {
  const { keys, audit, clock } = condition
  const { size, queue, lastCommitMs, unwritable } = audit.state()
  return {
    environment: condition.environment,
    gateway: condition.gateway,
    time: new Date(clock.wall()).toISOString(),
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
    suspended: condition.suspended(),
  }
}

/** One actuator, with its feedback read from the device now: nothing here is a memory of what was commanded. */
export async function viewActuator(
  actuator: Actuator,
  { trips, readings }: Condition,
): Promise<{ [key: string]: Json }> {
  const reading = await readings.read(actuator)
  const first = trips.firstOut(actuator.id)
  return {
    id: actuator.id,
    description: actuator.description,
    takes: describeDomain(actuator.domain),
    safe: actuator.safe.setpoint,
    position: foundOf(actuator, reading),
    ...(reading.kind === 'value'
      ? { quality: 'good', age_ms: Math.round(reading.age) }
      : { quality: 'bad', detail: reading.reason }),
    phase: trips.phase(actuator.id),
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
