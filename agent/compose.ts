import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import { AuthenticationFailures } from '../failsafe/authentication-failures.ts'
import { FailsafeKeeper } from '../failsafe/keeper.ts'
import { LatchFile } from '../failsafe/latch.ts'
import { Trips } from '../failsafe/trips.ts'
import { type Listening, listen } from './api/listener.ts'
import { Service } from './api/service.ts'
import { type Condition, troubles } from './api/status.ts'
import { type AuditLog, openAuditLog } from './audit/log.ts'
import { signerFrom } from './audit/note.ts'
import { systemClock } from './clock.ts'
import { Controls } from './command/controls.ts'
import type { Permits } from './command/permit.ts'
import { RefusalBook } from './command/refusal-book.ts'
import { Refusals } from './command/refusals.ts'
import type { Config } from './config/config.ts'
import { EpochKeys } from './credential/epoch-keys.ts'
import { KeyKeeper } from './credential/key-keeper.ts'
import { Mint } from './credential/mint.ts'
import { REPLAY_WINDOW, ReplayMemory } from './credential/replay.ts'
import { openTpmMasterKey } from './credential/tpm/master-key.ts'
import { Devices } from './devices.ts'
import { auditPath, latchPath } from './paths.ts'

/** Why the agent cannot start, in words for the engineer. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
}

/** A running agent. Disposing of it stops it in order: no new commands, none under way, the log closed last. */
export interface Agent extends AsyncDisposable {
  readonly listening: readonly Listening[]
  /** What keeps it from carrying out commands away from safe; empty when nothing does. */
  troubles(): string[]
}

/** Wires the rooms together. The one place where everything is known. */
export async function startAgent(config: Config, log: Logger): Promise<Agent> {
  const clock = systemClock
  const started = clock.monotonic()
  const boot = randomUUID()
  await using parts = new AsyncDisposableStack()

  await mkdir(config.stateDir, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new StartFailure(`the state directory ${config.stateDir} cannot be made: ${error.message}`)
  })
  const kept = await new LatchFile(latchPath(config)).load().catch((error: Error) => {
    throw new StartFailure(
      `the latch file ${latchPath(config)} cannot be read (${error.message}), so nobody knows what is tripped; look at the plant, then move the file away`,
    )
  })
  const { audit, replayLostUntil, replay } = await openAudit(config, boot, log)
  parts.use(audit)
  const alarm = (name: string, detail: string, about: Record<string, string> = {}) => {
    log.error({ alarm: name, ...about }, detail)
    audit.note({ kind: 'alarm', alarm: name, detail, ...about })
  }

  const master = await openTpmMasterKey({ tcti: config.masterKey.tcti, stateDir: config.stateDir })
  const keys = new EpochKeys(master, { ...config, length: config.credentials.epoch }, clock)
  const keyKeeper = new KeyKeeper(master, keys, { ...config, timeout: config.masterKey.timeout }, clock, {
    unavailable: ({ reason, detail, remedy }) =>
      alarm('master-key-unavailable', `${detail} ${remedy}`, { reason }),
    restored: () => {
      log.info('the master key can be used again')
      audit.note({ kind: 'alarm-cleared', alarm: 'master-key-unavailable' })
    },
    checkpointSeed: seed => audit.checkpointWith(signerFrom(`${config.environment}/${config.gateway}`, seed)),
  })

  const devices = new Devices(config, clock, randomBytes)
  parts.use(devices)
  const { actuators } = devices
  const controls = new Controls()
  const keeper = new FailsafeKeeper(new LatchFile(latchPath(config)), detail =>
    alarm('latches-not-kept', `trips would not survive a restart: ${detail}`),
  )
  const trips = new Trips(actuators, [...config.tripGroups.values()], clock, {
    alarm: (actuator, cause, detail) => alarm('trip', detail, { actuator, cause }),
    record: (kind, actuator, cause, detail) => {
      log.warn({ actuator, cause, event: kind }, detail)
      audit.note({ kind, actuator, cause, detail })
      void audit.checkpoint()
    },
    latchesChanged: () => void keeper.save(),
    overrule: (actuator, detail) => controls.overrule(actuator, `tripped: ${detail}`),
  })
  parts.use(trips)
  keeper.restore(kept, trips)

  const failures = new AuthenticationFailures(config.authenticationFailures, clock)
  const permits: Permits = {
    trips,
    controls,
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
    warn: (actuator, detail) => alarm('authentication-failures', detail, { actuator }),
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
    keys,
    masterKey: master.description,
    audit,
    trips,
    permits,
    actuators,
    suspended: () => keeper.suspended,
  }
  const service = new Service({
    commands: {
      authenticator: { environment: config.environment, gateway: config.gateway, keys, replay, clock },
      actuators,
      permits,
      audit,
      refusals,
      clock,
      newCommandId: randomUUID,
    },
    resets: {
      actuators,
      trips,
      failures,
      warnLevel: config.authenticationFailures.warn,
      audit,
      lift: actuator => keeper.lift(actuator),
    },
    mint: new Mint(keys, { ...config, lifetimeMax: config.credentials.lifetimeMax }, clock, randomBytes),
    condition,
    clock,
    onBug: error => log.error({ err: error }, 'a mistake in the agent'),
  })

  // Keys and devices are asked at the same time; neither keeps the agent from starting.
  parts.use(keyKeeper)
  await Promise.all([keyKeeper.start(), devices.attempted])
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
    [Symbol.asyncDispose]: async () => {
      controls.stop('the agent is stopping')
      audit.note({ kind: 'agent-stopped' })
      await running.disposeAsync()
    },
  }
}

/** Opens the audit log and fills the replay memory from it. A log that is gone is made anew, and its loss is waited out. */
async function openAudit(
  config: Config,
  boot: string,
  log: Logger,
): Promise<{ audit: AuditLog; replay: ReplayMemory; replayLostUntil: number }> {
  const clock = systemClock
  const path = auditPath(config)
  const options = {
    path,
    boot,
    clock,
    onTrouble: ({ kind, detail }: { kind: string; detail: string }) =>
      kind === 'healed' ? log.info(detail) : log.error({ alarm: 'audit-unwritable' }, detail),
    onCheckpoint: ({ note, size }: { note: string | undefined; size: number }) => {
      if (note !== undefined) log.info({ event: 'checkpoint', size, note }, 'audit checkpoint')
    },
  }
  const replay = new ReplayMemory()
  let opened = await openAuditLog({ ...options, mode: 'existing' })
  let replayLostUntil = 0
  if (opened.kind === 'missing') {
    opened = await openAuditLog({ ...options, mode: 'create' })
    replayLostUntil = clock.wall() + REPLAY_WINDOW
    log.error({ alarm: 'audit-log-missing' }, `there was no audit log at ${path}; a new one was begun`)
  }
  if (opened.kind !== 'opened')
    throw new StartFailure(`the audit log ${path} cannot be used: ${opened.detail} ${opened.remedy}`)
  const audit = opened.log
  if (replayLostUntil > 0)
    audit.note({
      kind: 'log-created',
      environment: config.environment,
      gateway: config.gateway,
      reason: 'there was none',
    })
  const now = clock.wall()
  const recent = await audit.recentNonces(now - REPLAY_WINDOW)
  if (recent.kind === 'nonces') {
    for (const { credential, nonce, created } of recent.nonces)
      replay.remember(credential, nonce, created, now)
  } else replayLostUntil = now + REPLAY_WINDOW
  return { audit, replay, replayLostUntil }
}
