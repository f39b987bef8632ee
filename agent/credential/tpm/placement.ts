import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock } from '../../../model/time.ts'
import { KEY_ID_MESSAGE, keyIdFromMac } from '../escrow/key-id.ts'
import type { MasterKeyUnavailable } from '../master-key.ts'
import { askCapabilities } from './capabilities.ts'
import { unavailable } from './fault.ts'
import { createKeyObject, macWithKeyObject } from './key-object.ts'
import { KEY_RECORD_VERSION, type KeyRecord, type TpmMode } from './key-record.ts'
import { type KeyRefusal, refusal } from './key-turn.ts'
import { PCRS_FORM, type PcrValues, readPcrs } from './pcrs.ts'
import { provideStorageRoot } from './storage-root.ts'
import type { ToolFailure } from './tool.ts'
import type { Turn } from './turn.ts'

export interface Placement {
  readonly key: Uint8Array
  readonly generation: number
  /** PCRs to bind the key to, `sha256:7`: to what is in them now. */
  readonly pcrs: string
  /** `auto` is `resident` where the TPM can. */
  readonly mode: 'auto' | TpmMode
}

export type PlacementAnswer =
  | {
      readonly kind: 'placed'
      readonly record: KeyRecord
      /** What the engineer should know of this host, in words. */
      readonly notes: readonly string[]
    }
  | KeyRefusal
  | MasterKeyUnavailable
  | ToolFailure

/**
 * Puts a key into the TPM and has it used once as the daemon will use it. Returns the record that is to be written down, and writes
 * nothing: of a failure nothing is left.
 */
export async function placeKey(turn: Turn, wanted: Placement, clock: Clock): Promise<PlacementAnswer> {
  const { key, generation, pcrs } = wanted
  if (!PCRS_FORM.test(pcrs))
    return refusal('pcrs', `"${pcrs}" does not name PCRs`, 'Write them as sha256:7 or sha256:0,2,7.')
  const able = await askCapabilities(turn, pcrs)
  if (able.kind === 'failed') return able
  if (able.missingPcrs.length > 0)
    return refusal(
      'pcrs',
      `the TPM has no ${able.missingPcrs.join(', ')}`,
      'tpm2_getcap pcrs shows what it has.',
    )
  const mode = wanted.mode === 'auto' ? able.mode : wanted.mode
  if (mode === 'resident' && able.mode !== 'resident')
    return refusal(
      'mode',
      'this TPM cannot keep an HMAC key resident',
      'Use --mode sealed, or leave --mode out.',
    )
  const read = await readPcrs(turn, pcrs)
  if (read.kind === 'failed') return read
  const root = await provideStorageRoot(turn)
  if (root.kind === 'failed') return root
  const boundTo = read.values
  const blobs = { publicPath: turn.work.path('new.pub'), privatePath: turn.work.path('new.priv') }
  const created = await createKeyObject(turn, { ...blobs, root: root.handle, mode, pcrs, boundTo, key })
  if (created.kind === 'failed') return created
  const answer = await macWithKeyObject(turn, { ...blobs, mode, pcrs }, KEY_ID_MESSAGE)
  if (answer.kind === 'failed') return answer
  if (!timingSafeEqual(answer.mac, createHmac('sha256', key).update(KEY_ID_MESSAGE).digest()))
    return unavailable('failed', 'the TPM computes a wrong HMAC', 'Use --mode sealed; report the TPM model.')
  const keyId = keyIdFromMac(answer.mac)
  const enrolledAt = new Date(clock.wall()).toISOString()
  const objects = {
    public: (await readFile(blobs.publicPath)).toString('base64'),
    private: (await readFile(blobs.privatePath)).toString('base64'),
  }
  const { name } = answer
  return {
    kind: 'placed',
    record: {
      version: KEY_RECORD_VERSION,
      generation,
      mode,
      pcrs,
      boundTo,
      keyId,
      name,
      enrolledAt,
      ...objects,
    },
    notes: notesOn(boundTo, root.persistent),
  }
}

function notesOn(boundTo: PcrValues, persistent: boolean): string[] {
  const notes: string[] = []
  const empty = Object.keys(boundTo).filter(pcr => /^0+$/.test(boundTo[pcr] ?? ''))
  if (empty.length > 0)
    notes.push(
      `nothing is measured into ${empty.join(', ')} on this host: the binding notices no change there`,
    )
  if (!persistent)
    notes.push('the storage root could not be made persistent and is made again each time, which is slower')
  return notes
}
