import { randomUUID } from 'node:crypto'
import { EXIT } from '../../model/exit.ts'
import { jsonLine, plain, plainLines } from '../../model/plain.ts'
import { count } from '../audit/counter/count.ts'
import { CheckpointKeeper } from '../audit/kept-checkpoint.ts'
import { openAuditLog } from '../audit/log.ts'
import { deriveCheckpointKey, publishCheckpointKey } from '../checkpoint-key.ts'
import { reason } from '../command/reason.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'
import { type KeySurroundings, openMasterKeys } from '../master-keys.ts'
import { counterOf } from '../open-counter.ts'
import { auditPath } from '../paths.ts'
import { lockState } from '../state-lock.ts'
import { actAsOwner } from '../state-owner.ts'
import { systemClock } from '../time/system-clock.ts'

export interface RestoredOptions {
  readonly config: string
  readonly reason: string
  readonly json?: boolean
}

/**
 * `holdfast audit restored`: says that a stopped agent's log was put back on purpose, or is the right one all the same; signs that, keeps its
 * checkpoint as the newest, and counts it on with the TPM's counter. What is missing stays missing, and the record says who took it upon himself. Resolves with the exit code: 0 done, 2 something is in the way.
 */
export async function restored(options: RestoredOptions, around: KeySurroundings): Promise<number> {
  const given = reason.safeParse(options.reason)
  if (!given.success) return fail(`--reason: ${given.error.issues[0]?.message}`)
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') return fail(formatProblems(loaded.problems))
  const { config } = loaded
  actAsOwner(config.stateDir, process)
  const lock = await lockState(config.stateDir)
  if (lock instanceof Error) return fail(lock.message)
  await using _lock = lock
  const path = auditPath(config)
  const newest = (await openMasterKeys(config, around)).generations.at(-1)
  const key = newest && (await deriveCheckpointKey(config, newest.master))
  if (key?.kind !== 'signer')
    return fail(`nothing was changed, as it could not be signed: ${key?.detail}\n${key?.remedy}`)
  // Whoever says this answers for the log as it is now.
  const kept = await CheckpointKeeper.open(
    path,
    systemClock,
    { unkept: detail => void process.stderr.write(plainLines(`Note: ${detail}\n`)), kept: () => {} },
    true,
  )
  const opened = await openAuditLog({
    path,
    boot: randomUUID(),
    clock: systemClock,
    mode: 'existing',
    kept,
    onTrouble: () => {},
  })
  if (opened.kind !== 'opened')
    return fail(`the audit log ${path} cannot be used: ${plain(opened.detail)}\n${opened.remedy}`)
  await using log = opened.log
  await publishCheckpointKey(config, key.signer)
  log.checkpointWith(key.signer)
  const told = await log.append({ kind: 'log-restored', by: `user ${around.user}`, reason: given.data })
  if (told.kind === 'unwritable') return fail(`it could not be recorded in ${path}: ${told.detail}`)
  await log.checkpoint()
  const recorded = `Recorded as record ${told.seq}: the log was restored on purpose.`
  const counter = counterOf(config)
  const body = { restored: told.seq, by: `user ${around.user}` }
  if (counter === undefined)
    return tell(options, `${recorded} This gateway's log is bound to no TPM counter.`, {
      ...body,
      counter: null,
    })
  const note = (detail: string) => void process.stderr.write(plainLines(`Note: ${detail}.\n`))
  const counted = await count(log, counter, 'adopted', { rolledBack: note, moved: note, lost: note })
  return counted.kind === 'counted'
    ? tell(
        options,
        `${recorded} It is bound to the TPM's counter again, which stands at ${counted.counter}.`,
        { ...body, counter: counted.counter },
      )
    : fail(
        `${recorded} It could not be bound to the TPM's counter: ${counted.kind === 'unsigned' ? 'there is no key' : counted.detail}. Run this again.`,
      )
}

function tell(
  { json }: RestoredOptions,
  words: string,
  body: Readonly<Record<string, string | number | null>>,
): number {
  process.stdout.write(json ? jsonLine(body) : plainLines(`${words}\n`))
  return EXIT.done
}

function fail(text: string): number {
  process.stderr.write(plainLines(`${text}\n`))
  return EXIT.usage
}
