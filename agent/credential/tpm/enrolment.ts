import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock, Entropy } from '../../../model/time.ts'
import type { MasterKeyUnavailable } from '../master-key.ts'
import { askCapabilities } from './capabilities.ts'
import { answerInTime } from './deadline.ts'
import { explain, isSystemError, unavailable } from './fault.ts'
import { KeyFiles, PCRS_FORM, type TpmMode } from './key-files.ts'
import { createKeyObject, KEY_BYTES, macWithKeyObject } from './key-object.ts'
import { provideStorageRoot } from './storage-root.ts'
import type { ToolFailure, TpmAccess } from './tool.ts'
import { Turn } from './turn.ts'

export interface EnrolmentOptions extends TpmAccess {
  /** PCRs to bind the key to, `sha256:7`. */
  readonly pcrs: string
  readonly stateDir: string
  /** Where files of one turn go; /dev/shm unless given. */
  readonly workRoot?: string
  /** `auto`, the default, is `resident` where the TPM can. */
  readonly mode?: 'auto' | TpmMode
  readonly clock: Clock
  readonly signal: AbortSignal
}

export type EnrolmentAnswer =
  | {
      readonly kind: 'enrolled'
      readonly mode: TpmMode
      readonly pcrs: string
      readonly generation: number
      /** The TPM's name for the key, hexadecimal. */
      readonly name: string
      /** What the engineer should know of this host, in words. */
      readonly notes: readonly string[]
    }
  | {
      /** Nothing was changed. */
      readonly kind: 'refused'
      readonly reason: 'already-enrolled' | 'pcrs' | 'mode' | 'state-dir'
      readonly detail: string
      readonly remedy: string
    }
  | MasterKeyUnavailable

/** Makes a new master key from both sources of randomness (either alone would do) and enrols it as generation 1. */
export async function enrollTpm(
  options: EnrolmentOptions & { readonly entropy: Entropy },
): Promise<EnrolmentAnswer> {
  return await enrol(options, async turn => {
    const random = await turn.run('tpm2_getrandom', [String(KEY_BYTES)])
    if (random.kind === 'failed') return random
    const own = options.entropy(KEY_BYTES)
    const key = own.map((byte, index) => byte ^ (random.stdout[index] ?? 0))
    own.fill(0)
    random.stdout.fill(0)
    return { kind: 'key', key }
  })
}

/** Enrols a master key that exists: one that was put together again from its escrow shares. The key is not wiped. */
export async function enrollTpmKey(
  options: EnrolmentOptions & { readonly key: Uint8Array },
): Promise<EnrolmentAnswer> {
  if (options.key.length !== KEY_BYTES) throw new RangeError(`a master key has ${KEY_BYTES} bytes`)
  return await enrol(options, async () => ({ kind: 'key', key: new Uint8Array(options.key) }))
}

type MakeKey = (turn: Turn) => Promise<{ readonly kind: 'key'; readonly key: Uint8Array } | ToolFailure>

async function enrol(options: EnrolmentOptions, makeKey: MakeKey): Promise<EnrolmentAnswer> {
  if (!PCRS_FORM.test(options.pcrs))
    return refused('pcrs', `"${options.pcrs}" does not name PCRs`, 'Write them as sha256:7 or sha256:0,2,7.')
  const files = new KeyFiles(options.stateDir)
  try {
    await files.prepare()
    const turn = Turn.during({ ...options, lock: files.directory }, turn =>
      enrolInTurn(options, files, makeKey, turn),
    )
    const answer = await answerInTime(turn, options.signal)
    return answer.kind === 'failed' ? explain(answer, options) : answer
  } catch (error) {
    if (!isSystemError(error)) throw error
    return refused(
      'state-dir',
      `the key cannot be kept: ${error.message}`,
      'Run this as root, with room on the disk.',
    )
  }
}

async function enrolInTurn(
  options: EnrolmentOptions,
  files: KeyFiles,
  makeKey: MakeKey,
  turn: Turn,
): Promise<EnrolmentAnswer | ToolFailure> {
  const enrolled = await files.newest()
  if (enrolled !== undefined)
    return refused(
      'already-enrolled',
      `a master key (generation ${enrolled}) is enrolled already`,
      'Every credential hangs on it. To keep it, do nothing.',
    )
  const able = await askCapabilities(turn, options.pcrs)
  if (able.kind === 'failed') return able
  if (able.missingPcrs.length > 0)
    return refused(
      'pcrs',
      `the TPM has no ${able.missingPcrs.join(', ')}`,
      'tpm2_getcap pcrs shows what it has.',
    )
  const mode = options.mode === undefined || options.mode === 'auto' ? able.mode : options.mode
  if (mode === 'resident' && able.mode !== 'resident')
    return refused(
      'mode',
      'this TPM cannot keep an HMAC key resident',
      'Enrol with --mode sealed, or leave --mode out.',
    )
  const made = await makeKey(turn)
  if (made.kind === 'failed') return made
  try {
    return await place(options, turn, files, made.key, mode, able.emptyPcrs)
  } finally {
    made.key.fill(0)
  }
}

/** Puts the key into the TPM, has it used once as the daemon will use it, and only then writes it down. */
async function place(
  options: EnrolmentOptions,
  turn: Turn,
  files: KeyFiles,
  key: Uint8Array,
  mode: TpmMode,
  emptyPcrs: readonly string[],
): Promise<EnrolmentAnswer | ToolFailure> {
  const root = await provideStorageRoot(turn)
  if (root.kind === 'failed') return root
  const { pcrs, clock } = options
  const blobs = { publicPath: turn.work.path('key.pub'), privatePath: turn.work.path('key.priv') }
  const created = await createKeyObject(turn, { ...blobs, root: root.handle, mode, pcrs, key })
  if (created.kind === 'failed') return created
  const probe = Buffer.from('holdfast enrolment probe')
  const answer = await macWithKeyObject(turn, { ...blobs, mode, pcrs }, probe)
  if (answer.kind === 'failed') return answer
  if (!timingSafeEqual(answer.mac, createHmac('sha256', key).update(probe).digest()))
    return unavailable(
      'failed',
      'the TPM computes a wrong HMAC',
      'Enrol with --mode sealed; report the TPM model.',
    )
  const { name } = answer
  const generation = 1
  const enrolledAt = new Date(clock.wall()).toISOString()
  await files.write(
    { version: 1, generation, mode, pcrs, name, enrolledAt },
    await readFile(blobs.publicPath),
    await readFile(blobs.privatePath),
  )
  return { kind: 'enrolled', mode, pcrs, generation, name, notes: notesOn(emptyPcrs, root.persistent) }
}

function notesOn(emptyPcrs: readonly string[], persistent: boolean): string[] {
  const notes: string[] = []
  if (emptyPcrs.length > 0)
    notes.push(
      `nothing is measured into ${emptyPcrs.join(', ')} on this host: the binding notices no change there`,
    )
  if (!persistent)
    notes.push('the storage root could not be made persistent and is made again each time, which is slower')
  return notes
}

function refused(
  reason: 'already-enrolled' | 'pcrs' | 'mode' | 'state-dir',
  detail: string,
  remedy: string,
): EnrolmentAnswer {
  return { kind: 'refused', reason, detail, remedy }
}
