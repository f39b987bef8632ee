import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { count } from '../audit/counter/count.ts'
import { CheckpointKeeper } from '../audit/kept-checkpoint.ts'
import { type AuditLog, openAuditLog } from '../audit/log.ts'
import { deriveCheckpointKey, publishCheckpointKey } from '../checkpoint-key.ts'
import type { Config } from '../config/config.ts'
import { isSealed, sealBreakGlass } from '../credential/break-glass/seal.ts'
import type { Scheme } from '../credential/escrow/scheme.ts'
import { sealNewMasterKey } from '../credential/file/sealed-master-key.ts'
import type { MasterKeyUnavailable } from '../credential/master-key.ts'
import { enrollTpm } from '../credential/tpm/enrolment.ts'
import { KeyFiles } from '../credential/tpm/key-files.ts'
import { type KeySurroundings, openMasterKeys, sealedFileOf } from '../master-keys.ts'
import { counterOf } from '../open-counter.ts'
import { auditPath, sealedGlassPath, vkeyPath } from '../paths.ts'
import { systemClock } from '../time/system-clock.ts'

export interface EnrolmentWish {
  readonly mode: 'auto' | 'resident' | 'sealed'
  readonly scheme: Scheme | undefined
  readonly breakGlass: boolean
}

export interface Enrolled {
  readonly kind: 'enrolled'
  readonly description: string
  readonly generation: number
  readonly mode: string
  readonly pcrs: string | null
  readonly keyId: string
  /** What an engineer should know, without a full stop. */
  readonly notes: readonly string[]
  /** Shown once, and never again. */
  readonly shares: readonly string[]
  /** The line for the emergency sheet, the same. */
  readonly sheet: string | undefined
  /** The public key of the log's checkpoints. */
  readonly vkey: string
}

/** Why a gateway could not be enrolled, with what to do next. */
export interface NotEnrolled {
  readonly kind: 'not-enrolled'
  readonly detail: string
}

/** The audit log of a gateway that is being enrolled. */
export interface BegunLog {
  readonly kind: 'begun'
  readonly log: AuditLog
  /** There was none before. */
  readonly isNew: boolean
}

/** The agent says what stays so at its start. */
const UNHEARD = { unkept: () => {}, kept: () => {} }

/** Opens the audit log of a gateway whose state this process has locked, and begins it where there is none. */
export async function beginLog(config: Config): Promise<BegunLog | NotEnrolled> {
  const path = auditPath(config)
  // Whoever enrols begins the log where there is none; what is kept of one before says nothing about it.
  const kept = await CheckpointKeeper.open(path, systemClock, UNHEARD, !existsSync(path))
  const opened = await openAuditLog({
    path,
    boot: randomUUID(),
    clock: systemClock,
    mode: 'create',
    kept,
    onTrouble: () => {},
  })
  if (opened.kind !== 'opened')
    return refused(`the audit log ${path} cannot be used: ${opened.detail}\n${opened.remedy}`)
  const { environment, gateway } = config
  if (opened.created) opened.log.note({ kind: 'log-created', environment, gateway })
  return { kind: 'begun', log: opened.log, isNew: opened.created }
}

/**
 * Makes the master key and records that. The log comes first: a key that no log knows of must not exist. A key that an
 * enrolment made before it was interrupted is taken up, where its log has no record of it.
 */
export async function enrolGateway(
  config: Config,
  { log, isNew }: BegunLog,
  around: KeySurroundings,
  wish: EnrolmentWish,
): Promise<Enrolled | NotEnrolled> {
  const { environment, gateway } = config
  const made = await makeKey(config, around, wish)
  if (made.kind !== 'made') return refused(`${made.detail}\n${made.remedy}`)
  const { generations, warnings } = await openMasterKeys(config, around)
  const { master } = generations[0]
  const checkpoint = await deriveCheckpointKey(config, master)
  if (checkpoint.kind === 'unavailable') return refused(`${checkpoint.detail}\n${checkpoint.remedy}`)
  const vkey = await publishCheckpointKey(config, checkpoint.signer).catch((error: Error) => error)
  if (vkey instanceof Error)
    return refused(`the audit log's public key cannot be kept in ${vkeyPath(config)}: ${vkey.message}`)
  log.checkpointWith(checkpoint.signer)
  const sheet = wish.breakGlass
    ? await sealBreakGlass(sealedGlassPath(config), config, randomBytes)
    : undefined
  const { scheme } = wish
  const appended = await log.append({
    kind: 'enrolled',
    by: `user ${around.user}`,
    environment,
    gateway,
    master_key: master.description,
    generation: master.generation,
    escrow: scheme && made.shares.length > 0 ? `${scheme.threshold}-of-${scheme.shares}` : null,
    break_glass: sheet !== undefined,
    checkpoint_key: vkey,
  })
  if (appended.kind !== 'durable') {
    return refused(`the enrolment could not be recorded in ${auditPath(config)}: ${appended.detail}`)
  }
  const { mode, pcrs, keyId, shares } = made
  const { description, generation } = master
  const notes = [...made.notes, ...warnings, ...(await bind(config, log, isNew))]
  return { kind: 'enrolled', description, generation, mode, pcrs, keyId, notes, shares, sheet, vkey }
}

/** Binds the log to the TPM's counter. Where that fails, the agent does it at its start; the note says why it did not. */
async function bind(config: Config, log: AuditLog, isNew: boolean): Promise<string[]> {
  const counter = counterOf(config)
  if (counter === undefined) return []
  const notes: string[] = []
  const hear = (detail: string) => void notes.push(detail)
  const counted = await count(log, counter, isNew ? 'adopted' : 'rolled-back', {
    rolledBack: hear,
    moved: hear,
    lost: hear,
  })
  if (counted.kind === 'counted') return notes
  const why = counted.kind === 'unsigned' ? 'there is no key to sign it with' : counted.detail
  return [...notes, `the audit log is not bound to the TPM's counter yet: ${why}`]
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
  { mode, scheme }: EnrolmentWish,
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
  const left = await leftBehind(stateDir, scheme)
  if (left) return left
  const answer = await enrollTpm({
    tcti: masterKey.tcti,
    pcrs: masterKey.pcrs,
    stateDir,
    mode,
    entropy: randomBytes,
    clock: systemClock,
    signal: AbortSignal.timeout(masterKey.timeout * 6),
    ...(scheme ? { escrow: { ...scheme, environment, gateway } } : {}),
  })
  return answer.kind === 'enrolled' ? { ...answer, kind: 'made' } : answer
}

/** A key in the TPM that an interrupted enrolment made. */
async function leftBehind(stateDir: string, scheme: Scheme | undefined): Promise<Made | undefined> {
  const files = new KeyFiles(stateDir)
  const generation = await files.newest()
  const record = generation === undefined ? undefined : await files.read(generation)
  if (typeof record !== 'object') return undefined
  const { mode, pcrs, keyId } = record
  const notes = [
    'an enrolment that was interrupted had made the key already',
    ...(scheme ? ['its shares were not shown and cannot be any more: holdfast key rotate --escrow'] : []),
  ]
  return { kind: 'made', mode, pcrs, keyId, notes, shares: [] }
}

function refused(detail: string): NotEnrolled {
  return { kind: 'not-enrolled', detail }
}
