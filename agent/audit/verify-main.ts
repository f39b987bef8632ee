import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { compareArchive } from './archive.ts'
import { Evidence } from './evidence.ts'
import { type Verdict, type VerifyOptions, verifyAuditLog } from './verify.ts'

/** Exit codes of `holdfast audit verify`. */
const INTACT = 0
const UNREADABLE = 2
const UNPROVEN = 4

/** The public key's file, looked for beside the log. */
const KEY_FILE = 'audit.vkey'

type Intact = Extract<Verdict, { kind: 'intact' }>

export interface AuditVerifyOptions {
  readonly path: string
  /** File with the public key, one vkey a line. Default: `audit.vkey` beside the log, when there is one. */
  readonly key?: string
  /** File with a checkpoint note that was kept elsewhere. */
  readonly checkpoint?: string
  /** File that pruned records went to. */
  readonly archive?: string
  readonly recordsOnly?: boolean
  readonly json?: boolean
}

/** Verifies a log and prints the verdict as a line, or as JSON. Returns the exit code: 0 intact, 4 tampered or unsigned, 2 unreadable. */
export async function auditVerify(options: AuditVerifyOptions): Promise<number> {
  const { verdict: found, hasKey } = judge(options)
  const verdict =
    found.kind === 'intact' && options.archive !== undefined ? await withArchive(found, options) : found
  const text = options.json ? JSON.stringify(jsonOf(verdict, hasKey)) : lineOf(verdict, hasKey)
  await new Promise<void>(resolve => process.stdout.write(`${text}\n`, () => resolve()))
  return { intact: INTACT, tampered: UNPROVEN, unsigned: UNPROVEN, unreadable: UNREADABLE }[verdict.kind]
}

function judge({ path, key, checkpoint, recordsOnly }: AuditVerifyOptions): {
  verdict: Verdict
  hasKey: boolean
} {
  const beside = join(dirname(path), KEY_FILE)
  const keyPath = key ?? (existsSync(beside) ? beside : undefined)
  try {
    const options: VerifyOptions = {
      path,
      ...(recordsOnly === undefined ? {} : { recordsOnly }),
      ...(keyPath === undefined ? {} : { publicKey: readFileSync(keyPath, 'utf8') }),
      ...(checkpoint === undefined ? {} : { checkpoint: readFileSync(checkpoint, 'utf8') }),
    }
    return { verdict: verifyAuditLog(options), hasKey: keyPath !== undefined }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return { verdict: { kind: 'unreadable', detail }, hasKey: keyPath !== undefined }
  }
}

/** The verdict on a log whose archive was found right, or what is wrong with the archive. */
async function withArchive(intact: Intact, { path, archive = '' }: AuditVerifyOptions): Promise<Verdict> {
  try {
    using evidence = Evidence.open(path)
    const compared = await compareArchive(evidence.database, archive)
    return 'at' in compared ? { kind: 'tampered', ...compared } : { ...intact, archived: compared.records }
  } catch (error) {
    return { kind: 'unreadable', detail: `the archive cannot be read: ${(error as Error).message}` }
  }
}

/** The verdict for a program. Its members are a promise to scripts: none is renamed. */
function jsonOf(verdict: Verdict, hasKey: boolean) {
  const isIntact = verdict.kind === 'intact'
  return {
    verified: isIntact,
    records: isIntact ? verdict.records : null,
    pruned: isIntact ? verdict.pruned : null,
    tamper_detected_at: verdict.kind === 'tampered' ? (verdict.at ?? null) : null,
    detail: isIntact ? coverOf(verdict, hasKey) : verdict.detail,
    root: isIntact ? verdict.root : null,
    signed_up_to: isIntact || verdict.kind === 'unsigned' ? verdict.signedUpTo : null,
  }
}

function lineOf(verdict: Verdict, hasKey: boolean): string {
  switch (verdict.kind) {
    case 'intact':
      return `intact: ${verdict.records} records${prunedWords(verdict)}, root ${verdict.root}; ${coverOf(verdict, hasKey)}`
    case 'tampered':
      return `TAMPERED${verdict.at === undefined ? '' : ` at record ${verdict.at}`}: ${verdict.detail}`
    case 'unsigned':
      return `UNSIGNED from record ${verdict.signedUpTo}: ${verdict.detail}`
    case 'unreadable':
      return `cannot verify: ${verdict.detail}`
  }
}

function prunedWords({ pruned, archived }: Intact): string {
  if (pruned === 0) return ''
  const archive = archived === undefined ? '' : `; the archive has ${archived} of them as they were written`
  return ` (of records 0 to ${pruned - 1}, which were pruned, the hashes${archive})`
}

/** What vouches for the records, in words: an intact log that no signature covers proves little. */
function coverOf({ signedUpTo, unsignedTail }: Intact, hasKey: boolean): string {
  if (!hasKey) return 'no public key given, so no signature was checked'
  if (unsignedTail === 0) return 'every record is covered by a signed checkpoint'
  return `signed checkpoints cover ${signedUpTo} records; the last ${unsignedTail} are covered by none`
}
