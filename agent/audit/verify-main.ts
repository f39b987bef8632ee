import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EXIT, type ExitCode } from '../../model/exit.ts'
import { jsonLine, plain } from '../../model/plain.ts'
import { compareArchive } from './archive.ts'
import { parseCheckpoint } from './checkpoint.ts'
import type { MonotonicCounter } from './counter/counter.ts'
import { questionCounter } from './counter/question.ts'
import { Evidence } from './evidence.ts'
import { parseVkey } from './note.ts'
import { Printer } from './printer.ts'
import { type Intact, type Judgement, jsonOf, lineOf, type Trust } from './verdict-text.ts'
import { type Verdict, type VerifyOptions, verifyAuditLog } from './verify.ts'

/** Exit codes of `holdfast audit verify`. */
const EXIT_CODES: Readonly<Record<Judgement['kind'], ExitCode>> = {
  intact: EXIT.done,
  unproven: EXIT.usage,
  unreadable: EXIT.usage,
  tampered: EXIT.unproven,
  unsigned: EXIT.unproven,
  'rolled-back': EXIT.unproven,
}

/** The public key's file, looked for beside the log. */
const KEY_FILE = 'audit.vkey'

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

/** The TPM's counter of the log of this name. */
export type CounterOf = (name: string) => MonotonicCounter

/**
 * Verifies a log and prints the verdict as a line, or as JSON. Returns the exit code: 0 intact; 2 nothing contradicts it and nothing
 * vouches for it either, or it cannot be read; 4 tampered, unsigned or rolled back. `counterOf` asks for the TPM's word, too.
 */
export async function auditVerify(options: AuditVerifyOptions, counterOf?: CounterOf): Promise<number> {
  const { judgement, trust } = await judge(options, counterOf)
  const printer = new Printer(process.stdout)
  await (options.json
    ? printer.printPlain(jsonLine(jsonOf(judgement, trust)))
    : printer.print(`${plain(lineOf(judgement, trust))}\n`))
  return EXIT_CODES[judgement.kind]
}

async function judge(
  options: AuditVerifyOptions,
  counterOf: CounterOf | undefined,
): Promise<{ judgement: Judgement; trust: Trust }> {
  const { path, key, checkpoint, archive, recordsOnly } = options
  const beside = join(dirname(path), KEY_FILE)
  const keyPath = key ?? (existsSync(beside) ? beside : undefined)
  let trust: Trust = { hasKey: keyPath !== undefined, heldUpTo: undefined }
  try {
    const publicKey = keyPath === undefined ? undefined : readFileSync(keyPath, 'utf8')
    const held = checkpoint === undefined ? undefined : readFileSync(checkpoint, 'utf8')
    trust = { ...trust, heldUpTo: held === undefined ? undefined : parseCheckpoint(held)?.size }
    const verifying: VerifyOptions = {
      path,
      ...(recordsOnly === undefined ? {} : { recordsOnly }),
      ...(publicKey === undefined ? {} : { publicKey }),
      ...(held === undefined ? {} : { checkpoint: held }),
    }
    // Before the records: an agent that counts meanwhile puts the log ahead, never the counter.
    const name = publicKey === undefined ? undefined : parseVkey(publicKey.split('\n')[0] ?? '')?.name
    const reading = name === undefined ? undefined : await counterOf?.(name).read()
    const verdict = verifyAuditLog(verifying)
    if (verdict.kind !== 'intact') return { judgement: verdict, trust }
    if (publicKey === undefined && held === undefined)
      return { judgement: { ...verdict, kind: 'unproven' }, trust }
    const archived = archive === undefined ? verdict : await withArchive(verdict, path, archive)
    if (archived.kind !== 'intact' || counterOf === undefined) return { judgement: archived, trust }
    if (reading === undefined)
      return {
        judgement: unreadable('the TPM has a counter for each name, and the name is in the public key'),
        trust,
      }
    return {
      judgement: withCounter(
        archived,
        questionCounter(path, reading, () => archived.signedUpTo),
      ),
      trust,
    }
  } catch (error) {
    return { judgement: unreadable(error instanceof Error ? error.message : String(error)), trust }
  }
}

function withCounter(intact: Intact, asked: ReturnType<typeof questionCounter>): Judgement {
  switch (asked.kind) {
    case 'bound':
      return { ...intact, counter: asked.counter }
    case 'rolled-back':
      return asked
    case 'unknown':
      return unreadable(`the records are intact, and the TPM does not vouch for them: ${asked.detail}`)
  }
}

/** The verdict on a log whose archive was found right, or what is wrong with the archive. */
async function withArchive(intact: Intact, path: string, archive: string): Promise<Verdict> {
  try {
    using evidence = Evidence.open(path)
    const compared = await compareArchive(evidence.database, archive)
    switch (compared.kind) {
      case 'whole':
        return { ...intact, archived: compared.records }
      case 'altered':
        return { ...compared, kind: 'tampered' }
      case 'unproven':
        return unreadable(`the log itself is intact; ${compared.detail}`)
    }
  } catch (error) {
    return unreadable(`the archive cannot be read: ${(error as Error).message}`)
  }
}

function unreadable(detail: string): Verdict {
  return { kind: 'unreadable', detail }
}
