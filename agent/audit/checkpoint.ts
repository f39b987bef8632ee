import { HASH_LENGTH } from './merkle.ts'
import { type Note, type NoteSigner, parseNote, signNote } from './note.ts'

/** A checkpoint is made after this many records at the latest. */
export const RECORDS_PER_CHECKPOINT = 64

/**
 * A checkpoint (C2SP tlog-checkpoint): the log's name, its size and its Merkle root, as a signed note.
 *
 *     <origin>
 *     <size>
 *     <root, base64>
 *
 *     — <origin> <signature>
 */
export interface Checkpoint {
  /** The log's name: `<environment>/<gateway>`. It is also the name of the key. */
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/** A checkpoint and the note that it was read from: who signed it is for `isSignedBy` to say. */
export interface CheckpointNote extends Checkpoint {
  readonly note: Note
}

/** Signs size and root under the signer's name, which is the log's origin. */
export function signCheckpoint(size: number, root: Uint8Array, signer: NoteSigner): string {
  return signNote(`${signer.name}\n${size}\n${Buffer.from(root).toString('base64')}\n`, signer)
}

/** Reads a checkpoint; undefined when it is not one. Lines after the root are allowed and ignored, as the format says. */
export function parseCheckpoint(text: string): CheckpointNote | undefined {
  const note = parseNote(text)
  const [origin, size, root, ...more] = note?.text.slice(0, -1).split('\n') ?? []
  if (note === undefined || !origin || !size || !root || more.includes('')) return undefined
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) return undefined
  const hash = Buffer.from(root, 'base64')
  if (hash.length !== HASH_LENGTH || hash.toString('base64') !== root) return undefined
  return { origin, size: Number(size), root: hash, note }
}
