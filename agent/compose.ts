import { randomBytes, randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Millis } from '../model/time.ts'
import type { Listening } from './api/listener.ts'
import { Readings } from './api/readings.ts'
import { Service } from './api/service.ts'
import { type Condition, troubles } from './api/status.ts'
import { Approvals } from './command/approvals.ts'
import { Controls } from './command/controls.ts'
import { Ledger } from './command/ledger.ts'
import type { Permits } from './command/permit.ts'
import { Progress } from './command/progress.ts'
import { RefusalBook } from './command/refusal-book.ts'
import { Refusals } from './command/refusals.ts'
import { Selections } from './command/selections.ts'
import type { Config } from './config/config.ts'
import { Mint } from './credential/mint.ts'
import { watchDeviceCertificates } from './device-certificates.ts'
import { deviceGuards } from './device-guards.ts'
import { Devices } from './devices.ts'
import { openFailsafe } from './fail-safe.ts'
import { openForwarding } from './forwarding.ts'
import { openJournal } from './journal.ts'
import { loadKeptState } from './kept-state.ts'
import { openKeys } from './keys.ts'
import { Listeners, openPanel, openRates } from './listeners.ts'
import type { Surroundings } from './master-keys.ts'
import { openAlarms } from './open-alarms.ts'
import { openAudit, recallNonces, replayTrouble } from './open-audit.ts'
import { openCounter } from './open-counter.ts'
import { openLockouts } from './open-lockouts.ts'
import { openMeasures } from './open-measures.ts'
import { openMetrics } from './open-metrics.ts'
import { openPacing } from './open-pacing.ts'
import { StartFailure } from './start-failure.ts'
import { takeState } from './state-access.ts'
import { stopInOrder, stopTime } from './stop-in-order.ts'
import { ClockKeeper } from './time/clock-keeper.ts'
import { askSynchronised } from './time/synchronisation.ts'
import { systemClock } from './time/system-clock.ts'
import { watchCondition } from './watch-condition.ts'
import { watchConnections } from './watch-connections.ts'
import { openWebhook } from './webhook.ts'

/** A running agent. Disposing of it stops it in order: no new commands, none under way, the log closed last. */
export interface Agent extends AsyncDisposable {
  readonly listening: readonly Listening[]
  /** What keeps it from carrying out commands away from safe; empty when nothing does. */
  troubles(): string[]
  /** What keeps it from carrying out any command at all: something on their way has not ended when it should have. */
  stuck(): string | undefined
  /** How long driving actuators to safe may take when it is stopped: more than that, and than what any service needs, it never does. */
  readonly stopTime: Millis
  /** Calls back when that changes, until the signal aborts. */
  watchCondition(listener: (troubles: readonly string[]) => void, signal: AbortSignal): void
}

/** Wires the rooms together. The one place where everything is known. */
export async function startAgent(config: Config, log: Logger, around: Surroundings): Promise<Agent> {
  const started = systemClock.monotonic()
  await using parts = new AsyncDisposableStack()

  parts.use(await takeState(config.stateDir))
  const kept = await loadKeptState(config)
  const { clock, revocations } = kept
  const { alarms, outlets } = await openAlarms(config, clock, log)
  if (kept.forgotten !== undefined) alarms.raise('clock-forgotten', kept.forgotten)
  const { audit, replayLostUntil, replay, isNew } = await openAudit(config, randomUUID(), clock, log, alarms)
  parts.use(audit)
  outlets.recordTo(audit)
  parts.use(alarms)
  const alarm = alarms.raise
  const measures = parts.use(await openMeasures(config, clock, alarms, audit))
  parts.use(openWebhook(config, around.user, clock, alarms, outlets))
  parts.use(openForwarding(config, audit, clock, alarms))
  parts.use(openJournal(config, around.journalStream, audit, clock, log, alarms))
  const counter = parts.use(openCounter(config, audit, isNew, clock, alarms))
  const keys = parts.use(await openKeys(config, around, clock, audit, log, alarms))
  const clockKeeper = parts.use(
    new ClockKeeper(clock, kept.floor, askSynchronised, {
      alarm,
      cleared: alarms.clear,
      // A time that was set back makes fresh again what only the log still knows. Where it cannot be read, that stays unsure.
      adopted: async () => {
        if (await recallNonces(audit, replay, clock.wall())) replay.beginAt(clock.wall())
        keys.wake()
      },
    }),
  )

  const progress = new Progress(clock)
  const devices = parts.use(new Devices(config, clock, randomBytes, progress))
  parts.use(watchConnections(devices, clock, alarms))
  const { actuators } = devices
  const controls = new Controls()
  const approvals = new Approvals(config.approvalWindow, clock, revocations, entry => audit.note(entry))
  const selections = new Selections(clock, revocations, entry => audit.note(entry))
  const lockouts = parts.use(await openLockouts(config, clock, audit, alarm))
  const pacing = await openPacing(audit, actuators, clock)
  const failsafe = parts.use(
    openFailsafe({
      config,
      devices,
      audit,
      log,
      clock,
      kept: kept.failsafe,
      alarms,
      troubles: {
        masterKey: () => keys.epochKeys.trouble?.detail,
        clock: () => clock.trouble,
        audit: () => audit.state().unwritable,
      },
      tripped: measures.tripped,
      safeVerified: actuator => pacing.tripped(actuator),
      overrule: (actuator, detail) => {
        controls.overrule(actuator, detail)
        approvals.forget(actuator)
        selections.forget(actuator)
      },
    }),
  )
  const { trips, keeper, failures } = failsafe
  const listeners = new Listeners(config, keeper, clock, { audit, alarms })
  const guards = parts.use(deviceGuards(config, actuators, progress, clock, audit, log, alarms))
  const rates = openRates(config, clock)
  const permits: Permits = {
    rates,
    approvals,
    selections,
    lockouts,
    pacing,
    deviceGuards: guards,
    trips,
    controls,
    unmet: id => failsafe.unmet(id),
    heldBy: id => failsafe.holds.heldBy(id),
    clockTrouble: () => clock.trouble,
    auditTrouble: () => audit.state().unwritable,
    replayTrouble: () => replayTrouble(clock, Math.max(replayLostUntil, counter.replayLostUntil)),
    suspension: identity => keeper.suspension(identity),
  }
  const book = parts.use(new RefusalBook(audit, log, clock))
  const refusals = new Refusals({
    audit,
    book,
    failures,
    trips,
    actuators,
    heard: measures.refused,
    alarm: (actuator, detail) => alarm('authentication-failures', detail, { actuator }),
    suspend: (identity, actuator, detail) => {
      if (keeper.suspension(identity) === undefined)
        alarm('identity-suspended', `${identity} is suspended: ${detail}`, { actuator, identity })
      keeper.suspend(identity, actuator, detail)
      approvals.forgetIdentity(identity)
    },
    closeListener: (listener, detail) => listeners.close(listener, detail),
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
    alarms,
    trips,
    permits,
    deviceGuards: guards,
    actuators,
    readings: new Readings(),
    suspended: () => keeper.suspended,
    closed: () => keeper.closed,
    failsafe,
  }
  const metrics = openMetrics(condition, devices, failures, outlets, counter)
  measures.countWith(metrics)
  const hands = { actuators, trips, audit, keeper, clock }
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
        used: measures.used,
      },
      actuators,
      permits,
      audit,
      refusals,
      supervision: failsafe.supervision,
      meter: metrics,
      clock,
      progress,
      newCommandId: randomUUID,
      onMistake: error => log.error({ err: error }, 'a mistake in the agent'),
    },
    interventions: {
      resets: {
        ...hands,
        failures,
        persists: id => failsafe.causes.persists(id),
        replayTrouble: permits.replayTrouble,
        warnLevel: config.authenticationFailures.warn,
        approvals,
      },
      manualTrips: hands,
      heartbeats: failsafe.heartbeats,
    },
    locking: { actuators, permits, audit, clock },
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
        clock,
        clockTrouble: () => clock.trouble,
      },
      revocations,
      ledger: new Ledger(audit, revocations, config.credentials.lifetimeMax, clock),
      rotator: keys.rotator,
      glass: keys.glass,
      listeners,
      keeper,
      replayTrouble: permits.replayTrouble,
      audit,
      clock,
      acceptClock: () => clockKeeper.accept(),
      entropy: randomBytes,
    },
    rates,
    condition,
    clock,
    attending: { alarms, trips, clock, replayTrouble: permits.replayTrouble },
    metrics: { metrics, allowedNetworks: config.metrics.allowedNetworks },
    panel: openPanel(config),
    onNotice: (listener, detail, bad) => {
      if (bad) return alarm('certificate', detail, { listener })
      log.info({ listener }, detail)
      alarms.clear('certificate', detail, { listener })
    },
    onBug: error => log.error({ err: error }, 'a mistake in the agent'),
  })

  // Keys and devices are asked at the same time; neither keeps the agent from starting.
  await Promise.all([keys.start(), devices.attempted])
  const disagreements = await guards.start()
  if (disagreements.length > 0) throw new StartFailure(disagreements.join('\n'), 'device')
  // The plant is looked at before anybody is let in, and the listeners are the first to close.
  devices.monitor.start()
  parts.use(watchDeviceCertificates(config, devices, clock, alarms))
  alarms.watch({
    trip: ({ actuator = '' }) => trips.phase(actuator) !== 'normal',
    'identity-suspended': ({ identity = '' }) => keeper.suspension(identity) !== undefined,
    'rotation-due': () => keys.isRotationDue(),
  })
  failsafe.causes.start()
  failsafe.badReadings.start()
  parts.use(listeners)
  await listeners.start(service)
  await keys.takeUpGlass()
  // Last: the TPM is first asked for keys.
  counter.start()
  audit.note({
    kind: 'agent-started',
    environment: config.environment,
    gateway: config.gateway,
    listeners: listeners.listening.map(({ name, address }) => `${name} ${address}`),
    troubles: troubles(condition),
  })
  const running = parts.move()
  return {
    listening: listeners.listening,
    troubles: () => troubles(condition),
    stuck: () => progress.stuck,
    stopTime: stopTime(config, actuators),
    watchCondition: (listener, signal) => void watchCondition(condition, listener, signal),
    [Symbol.asyncDispose]: async () => {
      controls.stop('the agent is stopping')
      await stopInOrder(config, actuators, trips, guards, clock, alarm)
      audit.note({ kind: 'agent-stopped' })
      await running.disposeAsync()
    },
  }
}
