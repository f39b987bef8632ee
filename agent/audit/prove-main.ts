import { existsSync, readFileSync } from 'node:fs'
import { EXIT } from '../../model/exit.ts'
import { plain, plainJsonText } from '../../model/plain.ts'
import { Evidence } from './evidence.ts'
import { Printer } from './printer.ts'
import { type Consistency, type Inclusion, type NoProof, Prover, type Wanted } from './prove.ts'
import { consistencyJson, inclusionJson } from './prove-json.ts'

export interface AuditProveOptions {
  readonly path: string
  /** The record that is to be proven to be in the log. */
  readonly record?: number
  /** The moment that it is proven against, or that the log is proven to have grown to: a size, or a file with a checkpoint. */
  readonly at?: string
  /** The moment from which the log is proven to have only grown. */
  readonly since?: string
  /** Only the proof in the standard form of C2SP. */
  readonly tlogProof?: boolean
}

/**
 * `holdfast audit prove`: prints a proof that anybody can check without the log and without this program. Returns the exit
 * code: 0 proven, 4 the log contradicts what is to be proven, 2 it cannot be read or the question makes no sense.
 */
export async function auditProve(options: AuditProveOptions): Promise<number> {
  const { record, since, path } = options
  if ((record === undefined) === (since === undefined))
    return complain(
      'say one of --record N (that it is in the log) and --since CHECKPOINT (that the log only grew)',
    )
  try {
    const at = options.at === undefined ? 'newest' : readWanted(options.at)
    using evidence = Evidence.open(path)
    const prover = new Prover(evidence.database)
    const proof =
      record === undefined ? prover.consistency(readWanted(since ?? ''), at) : prover.inclusion(record, at)
    if (evidence.wasDisturbed()) return complain('the agent opened the log while it was read: run this again')
    return await tell(proof, options.tlogProof ?? false)
  } catch (error) {
    return complain(`cannot prove: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function tell(proof: Inclusion | Consistency | NoProof, isBare: boolean): Promise<number> {
  const printer = new Printer(process.stdout)
  switch (proof.kind) {
    case 'contradicted':
      process.stderr.write(`${plain(`CONTRADICTED: ${proof.detail}; run holdfast audit verify`)}\n`)
      return EXIT.unproven
    case 'impossible':
      return complain(`cannot prove: ${proof.detail}`)
    case 'consistency':
      await printer.printPlain(`${plainJsonText(JSON.stringify(consistencyJson(proof), null, 2))}\n`)
      return EXIT.done
    case 'inclusion': {
      if (isBare && proof.tlogProof === undefined)
        return complain(
          'cannot prove: no signed checkpoint is there for the standard form; leave out --tlog-proof',
        )
      const text = isBare
        ? proof.tlogProof
        : `${plainJsonText(JSON.stringify(inclusionJson(proof), null, 2))}\n`
      await printer.print(text ?? '')
      return EXIT.done
    }
  }
}

/** A size, or a file that holds a checkpoint. Throws when it is neither. */
function readWanted(text: string): Wanted {
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return { size: Number(text) }
  if (!existsSync(text)) throw new Error(`${text}: expected a number of records, or a file with a checkpoint`)
  return { note: readFileSync(text, 'utf8') }
}

function complain(message: string): number {
  process.stderr.write(`${plain(message)}\n`)
  return EXIT.usage
}
