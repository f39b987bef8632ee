import { type CheckpointNote, parseCheckpoint } from './checkpoint.ts'
import { Evidence } from './evidence.ts'
import { Examination, Tampered } from './examination.ts'
import { isSignedBy, type NoteVerifier, parseVkey } from './note.ts'

export interface VerifyOptions {
  /** The log: the live file, or a copy with the `-wal` beside it if there was one. */
  readonly path: string
  /** Public keys, one `vkey` a line. Without one no signature is checked. */
  readonly publicKey?: string
  /** A checkpoint note that was kept elsewhere: the only thing that tells of a tail cut off whole. */
  readonly checkpoint?: string
}

export type Verdict =
  | {
      /** Every record is what it was when it was written, as far as checkpoints vouch for it. */
      readonly kind: 'intact'
      readonly records: number
      /** Merkle root over all records, base64 as in a checkpoint. */
      readonly root: string
      /** Records that a verified signature covers. */
      readonly signedUpTo: number
      /** Records after them: a change there that was made with care is not seen. */
      readonly unsignedTail: number
    }
  | {
      readonly kind: 'tampered'
      /** The first record that is not what it was; the log's size when records are missing at its end. */
      readonly at: number
      readonly detail: string
    }
  | { readonly kind: 'unreadable'; readonly detail: string }

/**
 * Verifies a log from its bytes alone: needs no running agent and no secret, and changes nothing. Reads the records in
 * order and computes everything anew; blocks while it does, some seconds for a million records. Never throws.
 */
export function verifyAuditLog(options: VerifyOptions): Verdict {
  const keys = readKeys(options.publicKey)
  if (keys === undefined) return unreadable('the public key is not a vkey: <name>+<id>+<base64>')
  const held = options.checkpoint === undefined ? undefined : parseCheckpoint(options.checkpoint)
  if (options.checkpoint !== undefined && held === undefined)
    return unreadable('the checkpoint to compare with is not a checkpoint note')
  if (held && keys.length > 0 && !keys.some(key => isSignedBy(held.note, key)))
    return unreadable('the checkpoint to compare with is not signed by the public key')
  const first = verifyOnce(options.path, keys, held)
  return first === 'disturbed' ? settled(verifyOnce(options.path, keys, held)) : first
}

function verifyOnce(
  path: string,
  keys: readonly NoteVerifier[],
  held: CheckpointNote | undefined,
): Verdict | 'disturbed' {
  try {
    using evidence = Evidence.open(path)
    const verdict = examine(evidence, keys, held)
    return verdict.kind !== 'intact' && evidence.wasDisturbed() ? 'disturbed' : verdict
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error))
  }
}

function examine(
  evidence: Evidence,
  keys: readonly NoteVerifier[],
  held: CheckpointNote | undefined,
): Verdict {
  try {
    const { frontier, signedUpTo } = new Examination(evidence.database, keys, held).run()
    return {
      kind: 'intact',
      records: frontier.size,
      root: Buffer.from(frontier.root()).toString('base64'),
      signedUpTo,
      unsignedTail: frontier.size - signedUpTo,
    }
  } catch (error) {
    if (error instanceof Tampered) return { kind: 'tampered', at: error.at, detail: error.message }
    return unreadable(error instanceof Error ? error.message : String(error))
  }
}

function readKeys(text: string | undefined): readonly NoteVerifier[] | undefined {
  const lines = text?.split('\n').filter(line => line.trim() !== '') ?? []
  const keys = lines.map(parseVkey)
  const isUsable = keys.every(key => key !== undefined) && (text === undefined || keys.length > 0)
  return isUsable ? keys : undefined
}

function settled(verdict: Verdict | 'disturbed'): Verdict {
  return verdict === 'disturbed'
    ? unreadable('the log was opened and closed while it was read: try again')
    : verdict
}

function unreadable(detail: string): Verdict {
  return { kind: 'unreadable', detail }
}
