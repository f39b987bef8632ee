import { randomBytes, randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { AuthenticationFailures } from '../failsafe/authentication-failures.ts'
import { FailsafeKeeper } from '../failsafe/keeper.ts'
import { latchFile } from '../failsafe/latch.ts'
import { stopSafely } from '../failsafe/stopping.ts'
import { Trips } from '../failsafe/trips.ts'
import type { KeptFile } from '../keep/kept-file.ts'
import { type Listening, listen } from './api/listener.ts'
import { Readings } from './api/readings.ts'
import { Service } from './api/service.ts'
import { type Condition, troubles } from './api/status.ts'
import { Approvals } from './command/approvals.ts'
import { Controls } from './command/controls.ts'
import { Ledger } from './command/ledger.ts'
import type { Permits } from './command/permit.ts'
import { Progress } from './command/progress.ts'
import type { Rate } from './command/rate.ts'
import { Rates } from './command/rates.ts'
import { RefusalBook } from './command/refusal-book.ts'
import { Refusals } from './command/refusals.ts'
import type { Config } from './config/config.ts'
import { Mint } from './credential/mint.ts'
import { Revocations, revocationFile } from './credential/revocations.ts'
import { deviceGuards } from './device-guards.ts'
import { Devices } from './devices.ts'
import { openKeys } from './keys.ts'
import type { KeySurroundings } from './master-keys.ts'
import { openAudit } from './open-audit.ts'
import { floorPath, latchPath, revocationPath } from './paths.ts'
import { StartFailure } from './start-failure.ts'
import { lockState } from './state-lock.ts'
import { ClockKeeper } from './time/clock-keeper.ts'
import { floorFile, KeptClock } from './time/kept-clock.ts'
import { askSynchronised } from './time/synchronisation.ts'
import { systemClock } from './time/system-clock.ts'
import { watchCondition } from './watch-condition.ts'

/** A running agent. Disposing of it stops it in order: no new commands, none under way, the log closed last. */
export interface Agent extends AsyncDisposable {
  readonly listening: readonly Listening[]
  /** What keeps it from carrying out commands away from safe; empty when nothing does. */
  troubles(): string[]
  /** What keeps it from carrying out any command at all: something on their way has not ended when it should have. */
  stuck(): string | undefined
  /** Calls back when that changes, until the signal aborts. */
  watchCondition(listener: (troubles: readonly string[]) => void, signal: AbortSignal): void
}

/** Wires the rooms together. The one place where everything is known. */
export async function startAgent(config: Config, log: Logger, around: KeySurroundings): Promise<Agent> {
  const started = systemClock.monotonic()
  const boot = randomUUID()
  await using parts = new AsyncDisposableStack()

  const lock = await lockState(config.stateDir)
  if (typeof lock === 'string') throw new StartFailure(lock)
  parts.use(lock)
  const kept = await loadKept(latchFile(latchPath(config)), 'what is tripped')
  for (const actuator of Object.keys(kept?.latches ?? {})) {
    if (config.actuators.has(actuator)) continue
    throw new StartFailure(
      `${actuator} is tripped, and the configuration has no such actuator: give it its name back and reset it, or look at the plant and take it out of ${latchPath(config)}`,
    )
  }
  const floor = floorFile(floorPath(config))
  const known = await floor.load().catch((error: Error) => {
    log.error({ alarm: 'clock-not-kept' }, `${floor.path} cannot be read: ${error.message}`)
    return undefined
  })
  const clock = new KeptClock(systemClock, known?.floor)
  const revoked = revocationFile(revocationPath(config))
  const revocations = new Revocations(
    revoked,
    (await loadKept(revoked, 'what is revoked')) ?? [],
    config.credentials.epoch + config.credentials.grace,
  )
  const { audit, replayLostUntil, replay } = await openAudit(config, boot, clock, log)
  parts.use(audit)
  const alarm = (name: string, detail: string, about: Record<string, string> = {}) => {
    log.error({ alarm: name, ...about }, detail)
    audit.note({ kind: 'alarm', alarm: name, detail, ...about })
  }

  const clockKeeper = parts.use(
    new ClockKeeper(clock, floor, askSynchronised, {
      alarm,
      cleared: (name, detail) => {
        log.info({ cleared: name }, detail)
        audit.note({ kind: 'alarm-cleared', alarm: name, detail })
      },
    }),
  )
  const keys = parts.use(await openKeys(config, around, clock, audit, log, alarm))

  const progress = new Progress(clock)
  const devices = new Devices(config, clock, randomBytes, progress)
  parts.use(devices)
  const { actuators } = devices
  const controls = new Controls()
  const approvals = new Approvals(config.approvalWindow, clock, revocations, entry => audit.note(entry))
  const keeper = new FailsafeKeeper(latchFile(latchPath(config)), clock, detail =>
    alarm('latches-not-kept', `trips would not survive a restart: ${detail}`),
  )
  const trips = new Trips(actuators, [...config.tripGroups.values()], clock, {
    alarm: (actuator, cause, detail) => alarm('trip', detail, { actuator, cause }),
    record: (kind, actuator, cause, detail) => {
      log.warn({ actuator, cause, event: kind }, detail)
      audit.note({ kind, actuator, cause, detail })
      void audit.checkpoint()
    },
    latchesChanged: () => keeper.save(),
    overrule: (actuator, detail) => {
      controls.overrule(actuator, `tripped: ${detail}`)
      approvals.forget(actuator)
    },
    mistake: error => log.error({ err: error }, 'a mistake in the agent; the trip went on without it'),
  })
  parts.use(keeper)
  parts.use(trips)
  keeper.restore(kept ?? { latches: {}, suspended: {} }, trips)

  const guards = parts.use(deviceGuards(config, actuators, progress, clock, audit, log))

  const failures = new AuthenticationFailures(config.authenticationFailures, clock)
  const rates = new Rates(ratesOf(config), clock)
  const permits: Permits = {
    rates,
    approvals,
    guards,
    trips,
    controls,
    clockTrouble: () => clock.trouble,
    auditTrouble: () => audit.state().unwritable,
    replayTrouble: () =>
      clock.wall() < replayLostUntil
        ? `the audit log was lost, so commands seen before cannot be told from new ones until ${new Date(replayLostUntil).toISOString()}`
        : undefined,
    suspension: identity => keeper.suspension(identity),
  }
  const book = parts.use(new RefusalBook(audit, log, clock))
  const refusals = new Refusals({
    audit,
    book,
    failures,
    trips,
    actuators,
    alarm: (actuator, detail) => alarm('authentication-failures', detail, { actuator }),
    suspend: (identity, actuator, detail) => {
      alarm('identity-suspended', `${identity} is suspended: ${detail}`, { actuator, identity })
      keeper.suspend(identity, actuator, detail)
    },
  })
  const condition: Condition = {
    environment: config.environment,
    gateway: config.gateway,
    started,
    clock,
    clockKeeper,
    keys: keys.epochKeys,
    glass: keys.glass,
    masterKey: () => keys.epochKeys.generations.at(-1)?.master.description ?? '',
    audit,
    trips,
    permits,
    guards,
    actuators,
    readings: new Readings(),
    suspended: () => keeper.suspended,
  }
  const service = new Service({
    commands: {
      authenticator: {
        environment: config.environment,
        gateway: config.gateway,
        keys,
        replay,
        revocations,
        roles: config.roles,
        clock,
      },
      actuators,
      permits,
      audit,
      refusals,
      clock,
      progress,
      newCommandId: randomUUID,
      onMistake: error => log.error({ err: error }, 'a mistake in the agent'),
    },
    resets: {
      actuators,
      trips,
      failures,
      warnLevel: config.authenticationFailures.warn,
      audit,
      approvals,
      lift: actuator => keeper.lift(actuator),
    },
    administration: {
      issuing: {
        mint: new Mint(
          keys.epochKeys,
          { ...config, lifetimeMax: config.credentials.lifetimeMax },
          clock,
          randomBytes,
        ),
        roles: config.roles,
        audit,
        clockTrouble: () => clock.trouble,
      },
      revocations,
      ledger: new Ledger(audit, revocations, config.credentials.lifetimeMax, clock),
      rotator: keys.rotator,
      glass: keys.glass,
      audit,
      clock,
      acceptClock: async () => {
        const before = await clockKeeper.accept()
        replay.beginAt(clock.wall())
        keys.wake()
        return before
      },
      entropy: randomBytes,
    },
    rates,
    condition,
    clock,
    onNotice: (listener, detail, bad) =>
      bad ? alarm('certificate', detail, { listener }) : log.info({ listener }, detail),
    onBug: error => log.error({ err: error }, 'a mistake in the agent'),
  })

  // Keys and devices are asked at the same time; neither keeps the agent from starting.
  await Promise.all([keys.start(), devices.attempted])
  const disagreements = await guards.start()
  if (disagreements.length > 0) throw new StartFailure(disagreements.join('\n'))
  const listening: Listening[] = []
  for (const listener of config.listeners) {
    const one = await listen(listener, service, clock)
    listening.push(parts.use(one))
  }
  audit.note({
    kind: 'agent-started',
    environment: config.environment,
    gateway: config.gateway,
    listeners: listening.map(({ name, address }) => `${name} ${address}`),
    troubles: troubles(condition),
  })
  const running = parts.move()
  return {
    listening,
    troubles: () => troubles(condition),
    stuck: () => progress.stuck,
    watchCondition: (listener, signal) => void watchCondition(condition, listener, signal),
    [Symbol.asyncDispose]: async () => {
      controls.stop('the agent is stopping')
      const driven = [...config.actuators.values()].filter(({ onStop }) => onStop === 'safe')
      const unsafe = await stopSafely(
        driven.flatMap(({ id }) => actuators.get(id) ?? []),
        trips,
        clock,
      )
      for (const actuator of unsafe)
        alarm('stopped-unsafe', 'the agent stops, and it was not seen in its safe state', { actuator })
      // Where something is not safe, the devices still have to make it so.
      if (unsafe.length === 0) for (const detail of await guards.stop()) alarm('watchdog-not-stopped', detail)
      audit.note({ kind: 'agent-stopped' })
      await running.disposeAsync()
    },
  }
}

function ratesOf({ listeners }: Config): Map<string, Rate> {
  return new Map(
    listeners.flatMap(listener => (listener.kind !== 'unix' ? [[listener.name, listener.rate]] : [])),
  )
}

/** Reads a small state that must not be guessed at. */
async function loadKept<State>(file: KeptFile<State>, what: string): Promise<State | undefined> {
  return await file.load().catch((error: Error) => {
    throw new StartFailure(
      `${file.path} cannot be read (${error.message}), so nobody knows ${what}; look at the plant, then move the file away`,
    )
  })
}
