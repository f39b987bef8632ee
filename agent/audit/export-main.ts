import { EXIT } from '../../model/exit.ts'
import { plain, plainJsonText } from '../../model/plain.ts'
import type { Clock } from '../../model/time.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { Evidence } from './evidence.ts'
import { formatCef } from './export/cef.ts'
import { type Event, eventOf, type Source } from './export/event.ts'
import { formatOcsf } from './export/ocsf.ts'
import { formatRfc5424 } from './export/rfc5424.ts'
import { MOMENT_FORM, parseMoment } from './moment.ts'
import { Printer } from './printer.ts'
import { Prover } from './prove.ts'
import { inclusionJson } from './prove-json.ts'
import type { Readable } from './schema.ts'
import { type FoundRecord, lastSeq, recordsAfter } from './search.ts'

const PAGE = 1024

export interface AuditExportOptions {
  readonly path: string
  readonly format: 'jsonl' | 'rfc5424' | 'ocsf' | 'cef'
  /** Only records after this one: the last that was exported before. */
  readonly after?: number
  /** As `parseMoment` reads them. */
  readonly since?: string
  readonly until?: string
}

type Formatter = (found: FoundRecord) => string

/**
 * `holdfast audit export`: prints records for another system, one a line, in their order. Returns the exit code: 0 done, 2 the
 * question or the file cannot be read, 4 the log contradicts itself.
 */
export async function auditExport(
  options: AuditExportOptions,
  version: string,
  clock: Pick<Clock, 'wall'>,
): Promise<number> {
  const bounds = readBounds(options, clock)
  if (typeof bounds === 'string') return complain(bounds)
  const printer = new Printer(process.stdout)
  try {
    using evidence = Evidence.open(options.path)
    const { database } = evidence
    const end = lastSeq(database)
    const format = formatterFor(options.format, database, version)
    for (const found of between(database, options.after ?? -1, end, bounds)) {
      if (!(await printer.printPlain(`${format(found)}\n`))) return EXIT.done
    }
    return evidence.wasDisturbed()
      ? complain('the agent opened the log while it was read: run this again')
      : EXIT.done
  } catch (error) {
    complain(`cannot export: ${error instanceof Error ? error.message : String(error)}`)
    return error instanceof Contradicted ? EXIT.unproven : EXIT.usage
  }
}

/** A record has no proof, as the log is not what it was. */
class Contradicted extends Error {}

function formatterFor(format: AuditExportOptions['format'], database: Readable, version: string): Formatter {
  switch (format) {
    case 'jsonl':
      return proven(database)
    case 'rfc5424':
      return events(formatRfc5424, database, version)
    case 'ocsf':
      return events(formatOcsf, database, version)
    case 'cef':
      return events(formatCef, database, version)
  }
}

function events(
  format: (event: Event, version: string) => string,
  database: Readable,
  version: string,
): Formatter {
  const source = sourceOf(database)
  return found => format(eventOf(found, source), version)
}

/** Each record with its proof; those that no signature covers yet with one that leads to the log's unsigned end. */
function proven(database: Readable): Formatter {
  const prover = new Prover(database)
  return ({ seq }) => {
    const signed = prover.inclusion(seq, 'newest')
    const proof = signed.kind === 'impossible' ? prover.inclusion(seq, { size: prover.size }) : signed
    if (proof.kind === 'inclusion')
      return plainJsonText(JSON.stringify({ ...inclusionJson(proof), tlog_proof: null }))
    throw new Contradicted(`${proof.detail}; run holdfast audit verify`)
  }
}

/** The records after one and up to another. */
function* between(
  database: Readable,
  after: number,
  end: number,
  { since, until }: { since: string; until: string },
): Generator<FoundRecord> {
  for (let last: number | undefined = after; last !== undefined && last < end; ) {
    const page = recordsAfter(database, last, Math.min(PAGE, end - last))
    for (const found of page) {
      const { time } = JSON.parse(found.text) as { time: string }
      if (time >= since && time < until) yield found
    }
    last = page.at(-1)?.seq
  }
}

/** Whose log it is, as its checkpoints say, or else its first record. */
function sourceOf(database: Readable): Source {
  const [row] = database
    .prepare('SELECT note FROM checkpoint WHERE note IS NOT NULL ORDER BY size DESC LIMIT 1')
    .all()
  const origin = row === undefined ? undefined : parseCheckpoint((row as { note: string }).note)?.origin
  const [environment = '', gateway = ''] = origin?.split('/') ?? []
  if (origin !== undefined) return { environment, gateway }
  const [first] = database
    .prepare("SELECT bytes FROM record WHERE kind IN ('log-created', 'agent-started') LIMIT 1")
    .all()
  const named = JSON.parse((first as { bytes: string } | undefined)?.bytes ?? '{}') as Partial<Source>
  return { environment: named.environment ?? 'unknown', gateway: named.gateway ?? 'unknown' }
}

function readBounds(
  { since, until }: AuditExportOptions,
  clock: Pick<Clock, 'wall'>,
): { since: string; until: string } | string {
  const bounds = { since: '', until: '\uffff' }
  for (const [name, text] of Object.entries({ since, until })) {
    if (text === undefined) continue
    const moment = parseMoment(text, clock.wall())
    if (moment === undefined) return `--${name} ${text}: expected ${MOMENT_FORM}`
    bounds[name as keyof typeof bounds] = new Date(moment).toISOString()
  }
  return bounds
}

function complain(message: string): number {
  process.stderr.write(`${plain(message)}\n`)
  return EXIT.usage
}
