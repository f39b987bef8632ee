import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { openAuditLog } from '../../agent/audit/log.ts'
import { REPLAY_WINDOW } from '../../agent/credential/replay.ts'
import { systemClock } from '../../agent/time/system-clock.ts'

/**
 * Opens the log at a path as the agent does at its start, records a little, and says what that took and what it holds:
 *
 *     node --expose-gc hold-log.ts PATH
 */
const APPENDS = 500
const SETTLE = 300

const began = performance.now()
const opened = await openAuditLog({
  path: process.argv[2] ?? '',
  boot: randomUUID(),
  clock: systemClock,
  mode: 'create',
  onTrouble: () => {},
})
if (opened.kind !== 'opened') throw new Error(opened.detail)
await using log = opened.log
await log.recentNonces(systemClock.wall() - REPLAY_WINDOW)
const openedMs = performance.now() - began
for (let index = 0; index < APPENDS; index += 1)
  await log.append({ kind: 'alarm', alarm: 'bench', detail: `entry ${index}` })
await delay(SETTLE)
globalThis.gc?.()
const { heapUsed, rss } = process.memoryUsage()
process.stdout.write(
  `${JSON.stringify({ openedMs, heapMib: heapUsed / 2 ** 20, residentMib: rss / 2 ** 20 })}\n`,
)
