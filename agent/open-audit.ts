import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { ClearAlarm, RaiseAlarm } from '../model/alarm.ts'
import type { AuditEntry } from '../model/audit.ts'
import type { Clock, UnixMs } from '../model/time.ts'
import { CheckpointKeeper, type KeptCheckpointListener } from './audit/kept-checkpoint.ts'
import { type AuditLog, type AuditTrouble, openAuditLog } from './audit/log.ts'
import { parseVkey } from './audit/note.ts'
import { hasRemains, type Quarantined, quarantineLog } from './audit/quarantine.ts'
import type { Config } from './config/config.ts'
import { REPLAY_WINDOW, ReplayMemory } from './credential/replay.ts'
import { auditPath, vkeyPath } from './paths.ts'
import { StartFailure } from './start-failure.ts'

/**
 * Opens the audit log and fills the replay memory from it. A log that cannot be used is moved aside, one that is gone is made anew;
 * the new one is linked to what was there, and the loss is waited out. A disk that does not take it, because it is full or
 * fails, keeps nobody from starting: a gateway that comes up on a full disk still has a plant to keep safe.
 */
export async function openAudit(
  config: Config,
  boot: string,
  clock: Clock,
  log: Logger,
  alarms: { readonly raise: RaiseAlarm; readonly clear: ClearAlarm },
): Promise<{ audit: AuditLog; replay: ReplayMemory; replayLostUntil: number; isNew: boolean }> {
  const path = auditPath(config)
  // At a level of its own: a checkpoint has to leave this file whatever else the log is to say.
  const witness = log.child({}, { level: 'info' })
  const options = {
    path,
    boot,
    clock,
    patient: true,
    onTrouble: (trouble: AuditTrouble) => {
      switch (trouble.kind) {
        case 'healed':
          return alarms.clear('audit-unwritable', trouble.detail)
        case 'unwritable':
          return alarms.raise('audit-unwritable', trouble.detail)
        case 'unreadable':
          return alarms.raise('audit-unreadable', `${trouble.detail}. ${trouble.remedy}`)
      }
    },
    onDoubt: (detail: string) => alarms.raise('audit-log-unproven', detail),
    onCheckpoint: ({ note, size }: { note: string | undefined; size: number }) => {
      if (note !== undefined) witness.info({ event: 'checkpoint', size, note }, 'audit checkpoint')
    },
  }
  const keeping = {
    unkept: (detail: string) => alarms.raise('audit-checkpoint-unkept', detail),
    kept: () => alarms.clear('audit-checkpoint-unkept'),
  }
  const now = clock.wall()
  const replay = new ReplayMemory(now)
  const kept = await keptOf(path, clock, keeping)
  let opened = await openAuditLog({ ...options, kept, mode: 'existing' })
  let lost: Loss | undefined
  if (opened.kind === 'missing' || opened.kind === 'corrupt') {
    lost = { kind: opened.kind, detail: opened.detail, aside: await moveAside(config, now) }
    opened = await openAuditLog({ ...options, kept: await keptOf(path, clock, keeping), mode: 'create' })
  }
  if (opened.kind !== 'opened') {
    throw new StartFailure(
      `the audit log ${path} cannot be used: ${opened.detail}\n${opened.remedy}`,
      opened.kind === 'foreign' ? 'version' : 'storage',
    )
  }
  const audit = opened.log
  const { size, unwritable } = audit.state()
  // A log without a record is one that an earlier start began and did not come to write to.
  const isNew = lost !== undefined || (unwritable === undefined && size === 0)
  let isLost = isNew
  if (isLost) await recordLoss(audit, lost, config, alarms.raise)
  // A log that was lost not long ago is waited out to the end, however often the agent is started meanwhile.
  const recentLoss = await audit.records('log-created', now - REPLAY_WINDOW, 1)
  const lostAt = recentLoss.kind === 'records' ? lossIn(recentLoss.texts) : now
  if (!(await recallNonces(audit, replay, now))) isLost = true
  const replayLostUntil = (isLost ? now : (lostAt ?? -REPLAY_WINDOW)) + REPLAY_WINDOW
  return { audit, replay, replayLostUntil, isNew }
}

/** What is kept beside the log. Throws StartFailure when a newer holdfast wrote it. */
async function keptOf(
  path: string,
  clock: Clock,
  listener: KeptCheckpointListener,
): Promise<CheckpointKeeper> {
  return await CheckpointKeeper.open(path, clock, listener).catch((error: Error) => {
    throw new StartFailure(`${error.message}. Install that one again`, 'version')
  })
}

/** Why there was no log to go on with, and what was moved aside. */
interface Loss {
  readonly kind: 'missing' | 'corrupt'
  readonly detail: string
  readonly aside: Quarantined | undefined
}

/** Moves aside what is left of a log that cannot be used; undefined when there is nothing. */
async function moveAside(config: Config, now: UnixMs): Promise<Quarantined | undefined> {
  const path = auditPath(config)
  if (!hasRemains(path)) return undefined
  const vkeys = await readFile(vkeyPath(config), 'utf8').catch(() => '')
  const keys = vkeys.split('\n').flatMap(line => parseVkey(line) ?? [])
  try {
    return await quarantineLog(path, now, keys)
  } catch (error) {
    throw new StartFailure(
      `the audit log ${path} cannot be used, and it cannot be moved aside: ${(error as Error).message}\nlook at the disk and the owner of its folder`,
      'storage',
    )
  }
}

/** Begins the new log with what it takes the place of, and says so to whoever is on shift. */
async function recordLoss(
  audit: AuditLog,
  lost: Loss | undefined,
  config: Config,
  raise: RaiseAlarm,
): Promise<void> {
  const { environment, gateway } = config
  const aside = lost?.aside
  const entry: AuditEntry = {
    kind: 'log-created',
    environment,
    gateway,
    lost: true,
    ...(lost === undefined ? {} : { detail: lost.detail }),
    ...(aside === undefined
      ? {}
      : {
          replaces: aside.file,
          replaces_sha256: aside.sha256 ?? null,
          replaces_wal_sha256: aside.walSha256 ?? null,
          replaces_checkpoint: aside.checkpoint ?? null,
        }),
  }
  await audit.appendOrKeep(entry)
  if (lost === undefined) return
  const alarm = lost.kind === 'missing' ? 'audit-log-missing' : 'audit-log-corrupt'
  const kept =
    aside === undefined ? '' : `; what was there is kept as ${aside.file}, for whoever looks into it`
  raise(alarm, `${lost.detail}; a new one was begun${kept}`)
}

/**
 * Tells the replay memory of everything in the log that could pass for fresh at `now`. False when the log cannot be read.
 */
export async function recallNonces(audit: AuditLog, replay: ReplayMemory, now: UnixMs): Promise<boolean> {
  const recent = await audit.recentNonces(now - REPLAY_WINDOW)
  if (recent.kind !== 'nonces') return false
  for (const { credential, nonce, created } of recent.nonces) replay.recall(credential, nonce, created)
  return true
}

/** That what was seen before cannot be told from what is new until then, in words, while it is so. */
export function replayTrouble(clock: Clock, until: UnixMs): string | undefined {
  return clock.wall() < until
    ? `the audit log was lost, so commands seen before cannot be told from new ones until ${new Date(until).toISOString()}`
    : undefined
}

/** When a log was begun because there was none, by its newest such record. */
function lossIn(texts: readonly string[]): number | undefined {
  const { lost, time } = JSON.parse(texts[0] ?? '{}') as { lost?: boolean; time?: string }
  return lost && time ? Date.parse(time) : undefined
}
