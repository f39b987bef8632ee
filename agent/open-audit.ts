import type { Logger } from 'pino'
import type { Clock, UnixMs } from '../model/time.ts'
import { type AuditLog, openAuditLog } from './audit/log.ts'
import type { Config } from './config/config.ts'
import { REPLAY_WINDOW, ReplayMemory } from './credential/replay.ts'
import { auditPath } from './paths.ts'
import { StartFailure } from './start-failure.ts'

/** Opens the audit log and fills the replay memory from it. A log that is gone is made anew, and its loss is waited out. */
export async function openAudit(
  config: Config,
  boot: string,
  clock: Clock,
  log: Logger,
): Promise<{ audit: AuditLog; replay: ReplayMemory; replayLostUntil: number }> {
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
  const now = clock.wall()
  const replay = new ReplayMemory(now)
  let opened = await openAuditLog({ ...options, mode: 'existing' })
  let isLost = opened.kind === 'missing'
  if (isLost) {
    opened = await openAuditLog({ ...options, mode: 'create' })
    log.error({ alarm: 'audit-log-missing' }, `there was no audit log at ${path}; a new one was begun`)
  }
  if (opened.kind !== 'opened') {
    throw new StartFailure(`the audit log ${path} cannot be used: ${opened.detail}\n${opened.remedy}`)
  }
  const audit = opened.log
  const { environment, gateway } = config
  if (isLost) await audit.append({ kind: 'log-created', environment, gateway, lost: true })
  // A log that was lost not long ago is waited out to the end, however often the agent is started meanwhile.
  const recentLoss = await audit.records('log-created', now - REPLAY_WINDOW, 1)
  const lostAt = recentLoss.kind === 'records' ? lossIn(recentLoss.texts) : now
  if (!(await recallNonces(audit, replay, now))) isLost = true
  return { audit, replay, replayLostUntil: (isLost ? now : (lostAt ?? -REPLAY_WINDOW)) + REPLAY_WINDOW }
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

/** When a log was begun because there was none, by its newest such record. */
function lossIn(texts: readonly string[]): number | undefined {
  const { lost, time } = JSON.parse(texts[0] ?? '{}') as { lost?: boolean; time?: string }
  return lost && time ? Date.parse(time) : undefined
}
