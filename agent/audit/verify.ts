import { type CheckpointNote, parseCheckpoint, RECORDS_PER_CHECKPOINT } from './checkpoint.ts'
import { Evidence } from './evidence.ts'
import { Examination, type Stretch, Tampered } from './examination.ts'
import { isSignedBy, type NoteVerifier, parseVkey } from './note.ts'
import type { Readable } from './schema.ts'
import { latestOf } from './search.ts'
import { ChangedTables, structureFault } from './structure.ts'
import { parseRecord } from './words.ts'

export interface VerifyOptions {
  /** The log: the live file, or a copy with the `-wal` beside it if there was one. */
  readonly path: string
  /** Public keys, one `vkey` a line. Without one no signature is checked. */
  readonly publicKey?: string
  /** A checkpoint note that was kept elsewhere: the only thing that tells of a tail cut off whole. */
  readonly checkpoint?: string
  /** Leaves out whether the indexes fit the records: quicker, and says nothing of what a search would find. */
  readonly recordsOnly?: boolean
}

export type Verdict =
  | {
      /** Every record is what it was when it was written, as far as checkpoints vouch for it. */
      readonly kind: 'intact'
      readonly records: number
      /** Those of them that were pruned: their hashes are what was written, and their bytes are elsewhere. */
      readonly pruned: number
      /** Those whose bytes an archive has as they were written; undefined when none was compared. */
      readonly archived?: number
      /** Merkle root over all records, base64 as in a checkpoint. */
      readonly root: string
      /** Records that a verified signature covers. */
      readonly signedUpTo: number
      /** Records that no signature covered for longer than it takes while an agent has its key: nothing vouches for them before that. */
      readonly signedLate: readonly Stretch[]
      /** Records after them: a change there that was made with care is not seen. */
      readonly unsignedTail: number
    }
  | {
      readonly kind: 'tampered'
      /** The first record that is not what it was; the log's size when records are missing at its end. Undefined when it is not about single records. */
      readonly at: number | undefined
      readonly detail: string
    }
  | {
      /** Nothing contradicts the records, and signatures that there must have been do not vouch for them. */
      readonly kind: 'unsigned'
      readonly records: number
      readonly signedUpTo: number
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
  const first = verifyOnce(options, keys, held)
  return first === 'disturbed' ? settled(verifyOnce(options, keys, held)) : first
}

function verifyOnce(
  { path, recordsOnly }: VerifyOptions,
  keys: readonly NoteVerifier[],
  held: CheckpointNote | undefined,
): Verdict | 'disturbed' {
  try {
    using evidence = Evidence.open(path)
    const verdict = examine(evidence, keys, held, recordsOnly ?? false)
    return verdict.kind !== 'intact' && evidence.wasDisturbed() ? 'disturbed' : verdict
  } catch (error) {
    if (error instanceof ChangedTables) return { kind: 'tampered', at: undefined, detail: error.message }
    return unreadable(error instanceof Error ? error.message : String(error))
  }
}

function examine(
  evidence: Evidence,
  keys: readonly NoteVerifier[],
  held: CheckpointNote | undefined,
  recordsOnly: boolean,
): Verdict {
  try {
    const examined = new Examination(evidence.database, keys, held).run()
    const { frontier, signedUpTo, signedLate, isEnrolled, pruned } = examined
    const fault = recordsOnly ? undefined : structureFault(evidence.database)
    if (fault) return { kind: 'tampered', ...fault }
    const unsignedTail = frontier.size - signedUpTo
    if (keys.length > 0 && mustBeSigned(unsignedTail, isEnrolled && signedUpTo === 0))
      return {
        kind: 'unsigned',
        records: frontier.size,
        signedUpTo,
        detail: unsignedWords(signedUpTo, unsignedTail),
      }
    const doubt = openDoubt(evidence.database, keys.length > 0 ? signedUpTo : frontier.size)
    if (doubt) return { kind: 'unsigned', records: frontier.size, ...doubt }
    return {
      kind: 'intact',
      records: frontier.size,
      pruned,
      root: Buffer.from(frontier.root()).toString('base64'),
      signedUpTo,
      signedLate,
      unsignedTail,
    }
  } catch (error) {
    if (error instanceof Tampered) return { kind: 'tampered', at: error.at, detail: error.message }
    return unreadable(error instanceof Error ? error.message : String(error))
  }
}

/** An agent that has its key signs as it goes, and its enrolment at once. */
function mustBeSigned(unsignedTail: number, isEnrolledUnsigned: boolean): boolean {
  return unsignedTail > RECORDS_PER_CHECKPOINT || (isEnrolledUnsigned && unsignedTail > 0)
}

/** What the agent itself wrote down about records that nothing of its own vouched for, as long as nobody has answered for them. */
function openDoubt(
  database: Readable,
  believed: number,
): { readonly signedUpTo: number; readonly detail: string } | undefined {
  const unproven = latestOf(database, 'log-unproven')
  if (unproven === undefined || (latestOf(database, 'log-restored', believed)?.seq ?? -1) > unproven.seq)
    return undefined
  const { proven_to, unproven_to, detail } = parseRecord(unproven.text)
  const [from, to] = [Number(proven_to) || 0, Number(unproven_to) || 0]
  return {
    signedUpTo: from,
    detail: `record ${unproven.seq} says of what the agent found at its start, ${to} records: ${String(detail)}. Nobody has answered for it (holdfast audit restored); compare with a checkpoint that was kept elsewhere`,
  }
}

function unsignedWords(signedUpTo: number, unsignedTail: number): string {
  return `no signature covers the last ${unsignedTail} records, and an agent that has its key leaves at most ${RECORDS_PER_CHECKPOINT} open. Either the agent ran without its key (there is an alarm then) or was ended before it had it, and says so in a record once it has; or somebody took the signatures out and may have changed any record from ${signedUpTo} on: compare with a checkpoint that was kept elsewhere`
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
