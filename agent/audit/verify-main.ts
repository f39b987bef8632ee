import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Verdict, type VerifyOptions, verifyAuditLog } from './verify.ts'

/** Exit codes of `holdfast audit verify`. */
const INTACT = 0
const UNREADABLE = 2
const UNPROVEN = 4

/** The public key's file, looked for beside the log. */
const KEY_FILE = 'audit.vkey'

export interface AuditVerifyOptions {
  readonly path: string
  /** File with the public key, one vkey a line. Default: `audit.vkey` beside the log, when there is one. */
  readonly key?: string
  /** File with a checkpoint note that was kept elsewhere. */
  readonly checkpoint?: string
  readonly recordsOnly?: boolean
  readonly json?: boolean
}

/** Verifies a log and prints the verdict as a line, or as JSON. Returns the exit code: 0 intact, 4 tampered or unsigned, 2 unreadable. */
export async function auditVerify(options: AuditVerifyOptions): Promise<number> {
  const { verdict, hasKey } = judge(options)
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

/** The verdict for a program. Its members are a promise to scripts: none is renamed. */
function jsonOf(verdict: Verdict, hasKey: boolean) {
  const isIntact = verdict.kind === 'intact'
  return {
    verified: isIntact,
    records: isIntact ? verdict.records : null,
    tamper_detected_at: verdict.kind === 'tampered' ? (verdict.at ?? null) : null,
    detail: isIntact ? coverOf(verdict, hasKey) : verdict.detail,
    root: isIntact ? verdict.root : null,
    signed_up_to: isIntact || verdict.kind === 'unsigned' ? verdict.signedUpTo : null,
  }
}

function lineOf(verdict: Verdict, hasKey: boolean): string {
  switch (verdict.kind) {
    case 'intact':
      return `intact: ${verdict.records} records, root ${verdict.root}; ${coverOf(verdict, hasKey)}`
    case 'tampered':
      return `TAMPERED${verdict.at === undefined ? '' : ` at record ${verdict.at}`}: ${verdict.detail}`
    case 'unsigned':
      return `UNSIGNED from record ${verdict.signedUpTo}: ${verdict.detail}`
    case 'unreadable':
      return `cannot verify: ${verdict.detail}`
  }
}

/** What vouches for the records, in words: an intact log that no signature covers proves little. */
function coverOf(
  { signedUpTo, unsignedTail }: Extract<Verdict, { kind: 'intact' }>,
  hasKey: boolean,
): string {
  if (!hasKey) return 'no public key given, so no signature was checked'
  if (unsignedTail === 0) return 'every record is covered by a signed checkpoint'
  return `signed checkpoints cover ${signedUpTo} records; the last ${unsignedTail} are covered by none`
}
