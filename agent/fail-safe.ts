import type { Logger } from 'pino'
import { AuthenticationFailures } from '../failsafe/authentication-failures.ts'
import type { BadReadings } from '../failsafe/bad-readings.ts'
import { Causes, type Watched } from '../failsafe/causes.ts'
import { feedbackOf, inputOf, judge } from '../failsafe/condition.ts'
import { Expectations } from '../failsafe/expectations.ts'
import { isThere } from '../failsafe/feedback.ts'
import { Heartbeats } from '../failsafe/heartbeats.ts'
import { Holds } from '../failsafe/holds.ts'
import { FailsafeKeeper } from '../failsafe/keeper.ts'
import { type Kept, latchFile, NOTHING_KEPT } from '../failsafe/latch.ts'
import type { Monitor } from '../failsafe/monitor.ts'
import { Supervision } from '../failsafe/supervision.ts'
import { Trips } from '../failsafe/trips.ts'
import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { Setpoint } from '../model/setpoint.ts'
import type { Clock } from '../model/time.ts'
import type { TripCause } from '../model/trip.ts'
import type { AuditLog } from './audit/log.ts'
import { openBadReadings } from './bad-readings.ts'
import type { Actuator } from './command/actuator.ts'
import type { ActuatorConfig, Config } from './config/config.ts'
import type { Devices } from './devices.ts'
import { latchPath } from './paths.ts'
import { TripEntries } from './trip-entries.ts'

/** Why the agent itself is in trouble, in words, where it is. */
export interface AgentTroubles {
  masterKey(): string | undefined
  clock(): string | undefined
  audit(): string | undefined
}

export interface FailsafeParts {
  readonly config: Config
  readonly devices: Devices
  readonly audit: AuditLog
  readonly log: Logger
  readonly clock: Clock
  readonly troubles: AgentTroubles
  /** What an earlier run left. */
  readonly kept: Kept | undefined
  readonly alarms: {
    readonly raise: RaiseAlarm
    readonly clear: ClearAlarm
    /** Somebody has acknowledged a trip, and so its alarm. */
    see(name: 'trip', by: string, about: { readonly actuator: string }): void
  }
  /** A trip has begun. */
  tripped(actuator: string, cause: TripCause): void
  /** A trip has put an actuator into its safe state. */
  safeVerified(actuator: Actuator): void
  /** Takes control of an actuator away from whoever has it. */
  overrule(actuator: string, detail: string): void
}

/** Everything that puts actuators into their safe state and keeps them there, wired together. */
export interface Failsafe extends AsyncDisposable {
  readonly trips: Trips
  readonly failures: AuthenticationFailures
  readonly keeper: FailsafeKeeper
  readonly causes: Causes
  readonly badReadings: BadReadings
  readonly holds: Holds
  readonly heartbeats: Heartbeats
  readonly supervision: Supervision
  readonly monitor: Monitor
  /** What must hold before an actuator leaves its safe state and does not, or cannot be seen to. */
  unmet(actuator: string): { readonly kind: 'interlock' | 'permissive'; readonly detail: string } | undefined
  /** Where an actuator was last seen to be on a command of this run, and should still be. */
  setTo(actuator: string): Setpoint | undefined
}

export function openFailsafe(parts: FailsafeParts): Failsafe {
  const { config, devices, audit, log, clock, alarms } = parts
  const { actuators, monitor } = devices
  const keeper = new FailsafeKeeper(latchFile(latchPath(config)), clock, detail =>
    detail === undefined
      ? alarms.clear('latches-not-kept', 'they are written down again')
      : alarms.raise('latches-not-kept', `trips would not survive a restart: ${detail}`),
  )
  const holdRules = new Map(
    [...config.actuators].flatMap(([id, { guards }]) => (guards.hold ? [[id, guards.hold] as const] : [])),
  )
  const holds = new Holds(holdRules, monitor, clock, () => keeper.save())
  const heartbeats = new Heartbeats(clock)
  const expectations = new Expectations()
  const supervision = new Supervision(heartbeats, expectations, holds)
  const failures = new AuthenticationFailures(config.authenticationFailures, clock, () => keeper.saveSoon())
  const onMistake = (error: unknown) =>
    log.error({ err: error }, 'a mistake in the agent; the fail-safe went on without it')
  const entries = new TripEntries(actuators, clock)
  const trips = new Trips(actuators, [...config.tripGroups.values()], clock, {
    alarm: (actuator, cause, detail) => alarms.raise('trip', detail, { actuator, cause }),
    record: (kind, actuator, cause, detail, evidence) => {
      log.warn({ actuator, cause, event: kind }, detail)
      const isMoving = trips.phase(actuator) !== 'tripped'
      audit.note(entries.of(kind, { actuator, cause, detail }, isMoving, evidence))
      if (kind === 'trip') parts.tripped(actuator, cause)
      if (kind === 'trip-safe') {
        holds.begin(actuator)
        const tripped = actuators.get(actuator)
        if (tripped) parts.safeVerified(tripped)
      }
      if (kind === 'trip-acknowledged')
        alarms.see('trip', trips.firstOut(actuator)?.acknowledged?.by ?? '', { actuator })
      void audit.checkpoint()
    },
    latchesChanged: () => keeper.save(),
    overrule: (actuator, detail) => {
      parts.overrule(actuator, `tripped: ${detail}`)
      supervision.tripped(actuator)
    },
    mistake: onMistake,
  })
  const watched = [...config.actuators.values()].flatMap(actuator =>
    watch(actuator, { ...parts.troubles, monitor, heartbeats, expectations, trips, actuators }),
  )
  const causes = new Causes(watched, trips, clock, onMistake)
  const badReadings = openBadReadings(config, monitor, clock, alarms)
  keeper.restore(parts.kept ?? NOTHING_KEPT, { trips, failures, holds })
  return {
    trips,
    failures,
    keeper,
    causes,
    badReadings,
    holds,
    heartbeats,
    supervision,
    monitor,
    unmet: id => findUnmet(config.actuators.get(id), monitor),
    setTo: id => expectations.of(id)?.setpoint,
    [Symbol.asyncDispose]: async () => {
      await causes[Symbol.asyncDispose]()
      await badReadings[Symbol.asyncDispose]()
      await trips[Symbol.asyncDispose]()
      await holds[Symbol.asyncDispose]()
      await keeper[Symbol.asyncDispose]()
    },
  }
}

interface Watching extends AgentTroubles {
  readonly monitor: Pick<Monitor, 'latest' | 'unreadable'>
  readonly heartbeats: Heartbeats
  readonly expectations: Expectations
  readonly trips: Trips
  readonly actuators: ReadonlyMap<string, Actuator>
}

/** The causes that the configuration chooses for one actuator. */
function watch({ id, guards, safe, tolerance }: ActuatorConfig, by: Watching): Watched[] {
  const { tripsOn, interlocks } = guards
  const feedback = feedbackOf(id)
  const isSafe = (): boolean => {
    const reading = by.monitor.latest(feedback)
    return (
      safe !== undefined && reading.quality === 'good' && isThere(reading.value, safe.feedback, tolerance)
    )
  }
  const heartbeat = tripsOn.operatorHeartbeat
  const chosen: readonly (Omit<Watched, 'actuator' | 'after'> & { after: number | undefined })[] = [
    {
      cause: 'operator-heartbeat-lost',
      after: heartbeat === undefined ? undefined : 0,
      trouble: () => by.heartbeats.lost(id, heartbeat ?? 0, isSafe() || by.trips.phase(id) !== 'normal'),
    },
    {
      cause: 'device-unreachable',
      after: tripsOn.deviceUnreachable,
      trouble: () => {
        const unreadable = by.monitor.unreadable(feedback)
        return unreadable && `its feedback cannot be read: ${unreadable}`
      },
    },
    {
      cause: 'feedback-mismatch',
      after: tripsOn.feedbackMismatch,
      trouble: () => by.expectations.missed(id, by.monitor.latest(feedback), tolerance),
    },
    {
      cause: 'master-key-unavailable',
      after: tripsOn.masterKeyUnavailable,
      trouble: () => by.masterKey(),
    },
    { cause: 'clock-untrusted', after: tripsOn.clockUntrusted, trouble: () => by.clock() },
    { cause: 'audit-unwritable', after: tripsOn.auditUnwritable, trouble: () => by.audit() },
    ...tripsOn.limits.map(({ condition, after, tripsOnBadQuality }) => ({
      cause: 'process-limit' as const,
      after,
      trouble: () => {
        const verdict = judge(condition, by.monitor.latest(inputOf(condition)))
        const counts = verdict.kind === 'violated' || (verdict.kind === 'unknown' && tripsOnBadQuality)
        return counts ? verdict.detail : undefined
      },
    })),
    ...interlocks.map(condition => ({
      cause: 'interlock' as const,
      after: 0,
      // It acts while the actuator is away from safe, and what it did stands until it is healthy again.
      trouble: () => {
        const verdict = judge(condition, by.monitor.latest(inputOf(condition)))
        if (verdict.kind === 'holds') return undefined
        // What cannot be seen begins nothing, and ends nothing either.
        const acts =
          verdict.kind === 'violated'
            ? !isSafe() || by.trips.phase(id) !== 'normal'
            : by.trips.firstOut(id)?.cause === 'interlock'
        return acts ? verdict.detail : undefined
      },
    })),
  ]
  return chosen.flatMap(({ after, ...rest }) =>
    after === undefined ? [] : [{ actuator: id, after, ...rest }],
  )
}

/** The first of an actuator's interlocks and permissives that does not hold, or cannot be seen to. */
function findUnmet(
  actuator: ActuatorConfig | undefined,
  monitor: Pick<Monitor, 'latest'>,
): { readonly kind: 'interlock' | 'permissive'; readonly detail: string } | undefined {
  for (const kind of ['interlock', 'permissive'] as const) {
    for (const condition of actuator?.guards[`${kind}s`] ?? []) {
      const verdict = judge(condition, monitor.latest(inputOf(condition)))
      if (verdict.kind !== 'holds') return { kind, detail: verdict.detail }
    }
  }
  return undefined
}
