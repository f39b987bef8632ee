import { randomBytes, randomUUID } from 'node:crypto'
import { openAuditLog } from './audit/log.ts'
import { deriveCheckpointKey, publishCheckpointKey } from './checkpoint-key.ts'
import type { Config } from './config/config.ts'
import { loadConfig } from './config/load.ts'
import { formatProblems } from './config/problem.ts'
import { isSealed, sealBreakGlass } from './credential/break-glass/seal.ts'
import { parseScheme } from './credential/escrow/scheme.ts'
import { sealNewMasterKey } from './credential/file/sealed-master-key.ts'
import type { MasterKeyUnavailable } from './credential/master-key.ts'
import { enrollTpm } from './credential/tpm/enrolment.ts'
import { KeyFiles } from './credential/tpm/key-files.ts'
import type { KeySurroundings } from './master-keys.ts'
import { openMasterKeys, sealedFileOf } from './master-keys.ts'
import { auditPath, sealedGlassPath, vkeyPath } from './paths.ts'
import { lockState } from './state-lock.ts'
import { actAsOwner } from './state-owner.ts'
import { systemClock } from './time/system-clock.ts'

export interface EnrollOptions {
  readonly config: string
  readonly mode?: 'auto' | 'resident' | 'sealed'
  /** `3-of-5`: print so many shares of the key, of which so many give it back. */
  readonly escrow?: string
  /** Seal an emergency key too, and print the line for its sheet. */
  readonly breakGlass?: boolean
  readonly json?: boolean
}

/**
 * `holdfast enroll`: makes the master key and begins the audit log. Done once for a gateway. Where the key comes from
 * elsewhere (a file, systemd, Vault) it only begins the log. Resolves with the exit code: 0 done, 2 the configuration or
 * the machine is not as it must be.
 */
export async function enroll(options: EnrollOptions, surroundings: KeySurroundings): Promise<number> {
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') return fail(formatProblems(loaded.problems))
  const { config } = loaded
  const scheme = options.escrow === undefined ? undefined : parseScheme(options.escrow)
  if (scheme?.kind === 'refused') return fail(`--escrow ${options.escrow}: ${scheme.detail}`)
  if (scheme && config.masterKey.source !== 'tpm') {
    return fail('--escrow is for a key that is made here, in a TPM; a key from elsewhere is kept safe there')
  }
  const around = { ...surroundings, user: actAsOwner(config.stateDir, process) }
  const lock = await lockState(config.stateDir)
  if (lock instanceof Error) return fail(lock.message)
  await using _lock = lock
  if ((await new KeyFiles(config.stateDir).newest()) !== undefined) {
    return fail(
      `${config.environment}/${config.gateway} is enrolled already: there is a master key in ${config.stateDir}\nNothing was changed. After a change of the TPM or its PCRs: holdfast recover. For a new key: holdfast key rotate.`,
    )
  }

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
  const { environment, gateway } = config
  if (opened.created) log.note({ kind: 'log-created', environment, gateway })

  const made = await makeKey(config, around, options, scheme)
  if (made.kind !== 'made') return fail(`${made.detail}\n${made.remedy}`)
  const { generations, warnings } = await openMasterKeys(config, around)
  const { master } = generations[0]
  const checkpoint = await deriveCheckpointKey(config, master)
  if (checkpoint.kind === 'unavailable') return fail(`${checkpoint.detail}\n${checkpoint.remedy}`)
  const vkey = await publishCheckpointKey(config, checkpoint.signer)
  log.checkpointWith(checkpoint.signer)
  const sheet = options.breakGlass
    ? await sealBreakGlass(sealedGlassPath(config), config, randomBytes)
    : undefined
  const appended = await log.append({
    kind: 'enrolled',
    environment,
    gateway,
    master_key: master.description,
    generation: master.generation,
    escrow: options.escrow ?? null,
    break_glass: sheet !== undefined,
    checkpoint_key: vkey,
  })
  if (appended.kind !== 'durable') {
    return fail(`the enrolment could not be recorded in ${path}: ${appended.detail}`)
  }
  const notes = [...made.notes, ...warnings]
  const { mode, pcrs, shares, keyId } = made
  if (options.json) {
    const about = { enrolled: true, mode, pcrs, generation: master.generation, notes, checkpoint_key: vkey }
    process.stdout.write(
      `${JSON.stringify({ ...about, ...(shares.length > 0 ? { key: keyId, shares } : {}), ...(sheet ? { sheet } : {}) })}\n`,
    )
    return 0
  }
  process.stdout.write(
    [
      `Enrolled ${environment}/${gateway}: ${master.description}, generation ${master.generation}.`,
      ...notes.map(note => `Note: ${note.replace(/\.?$/, '.')}`),
      `The audit log's public key is in ${vkeyPath(config)}; keep a copy of it away from this machine.`,
      ...escrowLines(keyId, shares, scheme?.threshold),
      ...(sheet
        ? ['The emergency sheet, for an envelope of its own. It is shown now, and never again.', sheet]
        : []),
      '',
    ].join('\n'),
  )
  return 0
}

/** What is said about shares, the one time that they are shown. */
export function escrowLines(
  keyId: string,
  shares: readonly string[],
  threshold: number | undefined,
): string[] {
  if (shares.length === 0) return []
  return [
    `Escrow of the key ${keyId}: ${shares.length} shares, any ${threshold} give it back. They are shown now, and never again.`,
    ...shares,
  ]
}

interface Made {
  readonly kind: 'made'
  readonly mode: string
  readonly pcrs: string | null
  readonly keyId: string
  readonly notes: readonly string[]
  readonly shares: readonly string[]
}

async function makeKey(
  config: Config,
  around: KeySurroundings,
  { mode }: EnrollOptions,
  scheme: { threshold: number; shares: number } | undefined,
): Promise<Made | MasterKeyUnavailable | { kind: 'refused'; detail: string; remedy: string }> {
  const { masterKey, stateDir, environment, gateway } = config
  const sealed = sealedFileOf(config, around)
  if (sealed && !(await isSealed(sealed.path))) {
    const trouble = await sealNewMasterKey(sealed, randomBytes, AbortSignal.timeout(masterKey.timeout))
    if (trouble) return trouble
  }
  if (masterKey.source !== 'tpm') {
    return { kind: 'made', mode: masterKey.source, pcrs: null, keyId: '', notes: [], shares: [] }
  }
  const answer = await enrollTpm({
    tcti: masterKey.tcti,
    pcrs: masterKey.pcrs,
    stateDir,
    mode: mode ?? 'auto',
    entropy: randomBytes,
    clock: systemClock,
    signal: AbortSignal.timeout(masterKey.timeout * 6),
    ...(scheme ? { escrow: { ...scheme, environment, gateway } } : {}),
  })
  return answer.kind === 'enrolled' ? { ...answer, kind: 'made' } : answer
}

function fail(message: string): number {
  process.stderr.write(`${message}\n`)
  return 2
}
