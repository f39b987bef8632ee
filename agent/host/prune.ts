import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { EXIT } from '../../model/exit.ts'
import { jsonLine, plain, plainLines } from '../../model/plain.ts'
import { failureOf } from '../audit/failure.ts'
import { loadKeptCheckpoint } from '../audit/kept-checkpoint.ts'
import { MOMENT_FORM, parseMoment } from '../audit/moment.ts'
import type { NoteSigner } from '../audit/note.ts'
import { type Pruned, pruneAuditLog } from '../audit/prune.ts'
import { verifyAuditLog } from '../audit/verify.ts'
import { deriveCheckpointKey } from '../checkpoint-key.ts'
import { HORIZON } from '../command/pace.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblems } from '../config/problem.ts'
import { REPLAY_WINDOW } from '../credential/replay.ts'
import { type KeySurroundings, openMasterKeys } from '../master-keys.ts'
import { auditPath, vkeyPath } from '../paths.ts'
import { lockState } from '../state-lock.ts'
import { makeAsOwner } from '../state-owner.ts'
import { systemClock } from '../time/system-clock.ts'

export interface PruneOptions {
  readonly config: string
  /** Records of this moment and later stay; as `parseMoment` reads it. */
  readonly before: string
  readonly archive: string
  readonly json?: boolean
}

/**
 * `holdfast audit prune`: moves old records of a stopped agent's log into an archive. Only a log that verifies is pruned, and it is
 * verified again afterwards. Resolves with the exit code: 0 done, or nothing to do; 2 something is in the way; 4 the log is not intact.
 */
export async function prune(
  options: PruneOptions,
  around: KeySurroundings & { user: number },
): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') return fail(formatProblems(loaded.problems))
  const { config } = loaded
  const now = systemClock.wall()
  const before = parseMoment(options.before, now)
  if (before === undefined) return fail(`--before ${options.before}: expected ${MOMENT_FORM}`)
  // The agent reads these again: what was sent lately, to know replays; which credentials can still be used, to list them; and what was
  // moved lately, for the limits on how often.
  const needed = now - Math.max(config.credentials.lifetimeMax, REPLAY_WINDOW, HORIZON)
  if (before > needed) {
    return fail(
      `--before ${options.before}: the agent still needs the records since ${new Date(needed).toISOString()}; choose an earlier time`,
    )
  }
  const lock = await lockState(config.stateDir)
  if (lock instanceof Error) return fail(lock.message)
  await using _lock = lock
  const publicKey = await readFile(vkeyPath(config), 'utf8').catch((error: Error) => error)
  if (publicKey instanceof Error)
    return fail(
      `nothing was changed: without the public key the log cannot be proven intact: ${publicKey.message}`,
    )
  const verify = () => verifyAuditLog({ path: auditPath(config), publicKey })
  const found = verify()
  if (found.kind !== 'intact')
    return fail(
      `nothing was changed, as the log is not intact: ${plain(found.detail)}`,
      found.kind === 'unreadable' ? EXIT.usage : EXIT.unproven,
    )
  const signer = await signerOf(config, around)
  if (typeof signer === 'string')
    return fail(`nothing was changed, as the record of it could not be signed: ${signer}`)
  let pruned: Pruned
  try {
    pruned = pruneAuditLog({
      path: auditPath(config),
      archive: resolve(options.archive),
      before,
      by: `user ${around.user}`,
      boot: randomUUID(),
      now,
      signer,
      kept: await loadKeptCheckpoint(auditPath(config)),
      asOwner: work => makeAsOwner(config.stateDir, process, work),
    })
  } catch (error) {
    return fail(
      `the log could not be pruned: ${plain(failureOf(error).detail)}; nothing is lost, see holdfast audit verify`,
    )
  }
  if (pruned.kind === 'nothing')
    return tell(options, `Nothing was pruned: ${plain(pruned.detail)}.`, { pruned: 0 })
  const verdict = verify()
  if (verdict.kind !== 'intact')
    return fail(`the log was pruned and does not verify: ${plain(verdict.detail)}`, EXIT.unproven)
  const { from, to, sha256 } = pruned
  return tell(
    options,
    `Pruned records ${from} to ${to - 1} into ${options.archive} (SHA-256 ${sha256}, also in ${options.archive}.sha256). The log verifies; the file keeps its size and uses the room again.`,
    { pruned: to - from, from, to, archive: options.archive, sha256 },
  )
}

/** The key that signs checkpoints, or why it cannot be had now. */
async function signerOf(config: Config, around: KeySurroundings): Promise<NoteSigner | string> {
  const { generations } = await openMasterKeys(config, around)
  const newest = generations.at(-1)
  if (newest === undefined) return 'there is no master key'
  const checkpoint = await deriveCheckpointKey(config, newest.master)
  return checkpoint.kind === 'unavailable' ? checkpoint.detail : checkpoint.signer
}

function tell(
  { json }: PruneOptions,
  words: string,
  body: Readonly<Record<string, string | number>>,
): number {
  process.stdout.write(json ? jsonLine(body) : plainLines(`${words}\n`))
  return EXIT.done
}

function fail(message: string, code: number = EXIT.usage): number {
  process.stderr.write(plainLines(`${message}\n`))
  return code
}
