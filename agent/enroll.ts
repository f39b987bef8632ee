import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAnswering } from './api/listener.ts'
import { openAuditLog } from './audit/log.ts'
import { formatVkey, signerFrom, verifierOf } from './audit/note.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config/config.ts'
import { loadConfig } from './config/load.ts'
import { formatProblems } from './config/problem.ts'
import { checkpointSeedMessage } from './credential/chain.ts'
import { enrollTpm } from './credential/tpm/enrolment.ts'
import { openTpmMasterKey } from './credential/tpm/master-key.ts'
import { auditPath, vkeyPath } from './paths.ts'

export interface EnrollOptions {
  readonly config: string
  readonly mode?: 'auto' | 'resident' | 'sealed'
  readonly json?: boolean
}

/**
 * `holdfast enroll`: makes the master key in the TPM and begins the audit log. Done once for a gateway. Resolves with the
 * exit code: 0 done, 2 the configuration or the machine is not as it must be.
 */
export async function enroll(options: EnrollOptions): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') return fail(formatProblems(loaded.problems))
  const { config } = loaded
  const answering = await answeringListener(config)
  if (answering)
    return fail(
      `an agent is running: it answers on ${answering}\nStop it first; two programs must not write one audit log.`,
    )
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 })

  // The log comes first: a key that no log knows of must not exist.
  const path = auditPath(config)
  const opened = await openAuditLog({
    path,
    boot: randomUUID(),
    clock: systemClock,
    mode: 'create',
    onTrouble: () => {},
  })
  if (opened.kind !== 'opened')
    return fail(`the audit log ${path} cannot be used: ${opened.detail}\n${opened.remedy}`)
  await using log = opened.log

  if (opened.created)
    log.note({ kind: 'log-created', environment: config.environment, gateway: config.gateway })
  const access = { tcti: config.masterKey.tcti, stateDir: config.stateDir }
  const answer = await enrollTpm({
    ...access,
    pcrs: config.masterKey.pcrs,
    mode: options.mode ?? 'auto',
    entropy: randomBytes,
    clock: systemClock,
    signal: AbortSignal.timeout(config.masterKey.timeout * 6),
  })
  if (answer.kind !== 'enrolled') return fail(`${answer.detail}\n${answer.remedy}`)

  const vkey = await publishCheckpointKey(config)
  if ('remedy' in vkey) return fail(`${vkey.detail}\n${vkey.remedy}`)
  log.checkpointWith(vkey.signer)
  const { mode, pcrs, generation } = answer
  const appended = await log.append({
    kind: 'enrolled',
    environment: config.environment,
    gateway: config.gateway,
    master_key: `tpm (${mode}, ${pcrs})`,
    generation,
    checkpoint_key: vkey.text,
  })
  if (appended.kind !== 'durable')
    return fail(`the enrolment could not be recorded in ${path}: ${appended.detail}`)

  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ enrolled: true, mode, pcrs, generation, notes: answer.notes, checkpoint_key: vkey.text })}\n`,
    )
  } else {
    process.stdout.write(
      `Enrolled ${config.environment}/${config.gateway}: master key of generation ${generation} in the TPM, ${mode}, bound to ${pcrs}.\n${answer.notes
        .map(note => `Note: ${note}.\n`)
        .join(
          '',
        )}The audit log's public key is in ${vkeyPath(config)}; keep a copy of it away from this machine.\n`,
    )
  }
  return 0
}

/** The unix socket of this configuration on which somebody answers, if there is one. */
async function answeringListener(config: Config): Promise<string | undefined> {
  for (const listener of config.listeners) {
    if (listener.kind === 'unix' && (await isAnswering(listener.path))) return listener.path
  }
  return undefined
}

async function publishCheckpointKey(config: Config) {
  const master = await openTpmMasterKey({ tcti: config.masterKey.tcti, stateDir: config.stateDir })
  const message = checkpointSeedMessage({ ...config, generation: master.generation })
  const answer = await master.hmac(message, AbortSignal.timeout(config.masterKey.timeout))
  if (answer.kind === 'unavailable') return answer
  const signer = signerFrom(join(config.environment, config.gateway), answer.mac)
  const text = formatVkey(verifierOf(signer))
  await writeFile(vkeyPath(config), `${text}\n`, { mode: 0o644 })
  return { text, signer }
}

function fail(message: string): number {
  process.stderr.write(`${message}\n`)
  return 2
}
