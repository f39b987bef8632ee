import { keyIdOf } from '../escrow/key-id.ts'
import type { MasterKeyUnavailable } from '../master-key.ts'
import { isSystemError } from './fault.ts'
import { KeyFiles } from './key-files.ts'
import { KEY_BYTES } from './key-object.ts'
import { type KeyRecord, type TpmMode, UNUSABLE } from './key-record.ts'
import { type KeyRefusal, type KeyTurnOptions, keyTurn, refusal } from './key-turn.ts'
import { placeKey } from './placement.ts'

export interface RecoveryOptions extends KeyTurnOptions {
  /** The key that the escrow shares gave (`joinShares`). The caller wipes it. */
  readonly key: Uint8Array
  /** The generation that the shares name. */
  readonly generation: number
  /** PCRs to bind the key to: to what is in them now. */
  readonly pcrs: string
  /** `auto`, the default, is the mode that it had where this TPM can, else `sealed`. */
  readonly mode?: 'auto' | TpmMode
}

export type RecoveryAnswer =
  | {
      readonly kind: 'recovered'
      readonly mode: TpmMode
      readonly pcrs: string
      readonly generation: number
      /** The TPM's new name for the key object, hexadecimal. */
      readonly name: string
      readonly keyId: string
      readonly notes: readonly string[]
      /** The file in which the enrolment is kept that was replaced; undefined when there was none. */
      readonly replaced: string | undefined
    }
  | KeyRefusal
  | MasterKeyUnavailable

/**
 * Enrols the same master key again, of the same generation: after a change of firmware, on a new board, in a TPM that was cleared.
 * A key that is not the enrolled one, or whose record a newer holdfast wrote, is refused before the TPM or a file is touched. The TPM proves, by an HMAC that it is compared
 * with, that it has this key before the old enrolment is replaced, at once and by renaming; a copy of that stays.
 *
 * A daemon that runs uses the key from its next question on; no credential is lost.
 */
export async function recoverTpm(options: RecoveryOptions): Promise<RecoveryAnswer> {
  const { key, generation, pcrs, clock } = options
  if (key.length !== KEY_BYTES) throw new RangeError(`a master key has ${KEY_BYTES} bytes`)
  return await keyTurn(options, async (turn, files) => {
    const old = await files.read(generation)
    if (old === 'newer') return refuseNewer(files, generation)
    const known = old === 'damaged' ? undefined : old
    const stranger = known && refuseOther(known, key)
    if (stranger) return stranger
    const asked = options.mode ?? 'auto'
    const mode = asked === 'auto' && known?.mode === 'sealed' ? 'sealed' : asked
    const placed = await placeKey(turn, { key, generation, pcrs, mode }, clock)
    if (placed.kind !== 'placed') return placed
    const replaced = await files.keepReplaced(generation, placed.record.enrolledAt)
    // A recovered key is no newer: its age, and the grace of the one before it, count from its making.
    const record = { ...placed.record, enrolledAt: known?.enrolledAt ?? placed.record.enrolledAt }
    await files.write(record)
    const notes = [...placed.notes, ...notesOn(old, generation, await files.newest())]
    const { name, keyId } = record
    return { kind: 'recovered', mode: record.mode, pcrs, generation, name, keyId, notes, replaced }
  })
}

export type KeyComparison =
  | { readonly kind: 'same'; readonly keyId: string; readonly enrolledAt: string }
  | KeyRefusal

/**
 * Whether a key that shares gave is the enrolled one. Asks the TPM nothing and changes nothing: a drill with the shares, to be done
 * before they are needed. The key is the caller's to wipe.
 */
export async function compareKey(of: {
  readonly stateDir: string
  readonly generation: number
  readonly key: Uint8Array
}): Promise<KeyComparison> {
  try {
    const files = new KeyFiles(of.stateDir)
    const record = await files.read(of.generation)
    if (record === 'newer') return refuseNewer(files, of.generation)
    if (record === undefined || record === 'damaged')
      return refusal(
        'not-enrolled',
        `no master key of generation ${of.generation} is enrolled here${record ? ', or its file is damaged' : ''}`,
        'Look with holdfast tpm status.',
      )
    const { keyId, enrolledAt } = record
    return refuseOther(record, of.key) ?? { kind: 'same', keyId, enrolledAt }
  } catch (error) {
    if (!isSystemError(error)) throw error
    return refusal('state-dir', `the key files cannot be read: ${error.message}`, 'Run this as root.')
  }
}

/** What a newer program wrote is not written over: the key in it is good. */
function refuseNewer(files: KeyFiles, generation: number): KeyRefusal {
  const { is, remedy } = UNUSABLE.newer
  return refusal('newer', `${files.path(generation)} ${is}`, remedy)
}

function refuseOther(record: KeyRecord, key: Uint8Array): KeyRefusal | undefined {
  const given = keyIdOf(key)
  if (given === record.keyId) return undefined
  return refusal(
    'another-key',
    `generation ${record.generation} is the key ${record.keyId}, and the shares give the key ${given}`,
    `Use the shares that were written when it was made; its file is of ${record.enrolledAt}.`,
  )
}

function notesOn(
  old: object | 'damaged' | undefined,
  generation: number,
  newest: number | undefined,
): string[] {
  const notes: string[] = []
  if (old === 'damaged')
    notes.push(
      'the enrolment that was there is damaged: that it is the same key is known from the shares alone',
    )
  if (newest !== undefined && newest > generation)
    notes.push(`generation ${newest} is newer: new credentials are of that one`)
  return notes
}
