import { AUDIT_KINDS } from '../../model/audit-kinds.ts'
import { EXIT } from '../../model/exit.ts'
import type { Outcome } from '../../model/outcome.ts'
import { plain } from '../../model/plain.ts'
import type { Clock } from '../../model/time.ts'
import { CSV_HEADER, csvLine } from './csv.ts'
import { Evidence } from './evidence.ts'
import { MOMENT_FORM, parseMoment } from './moment.ts'
import { Printer } from './printer.ts'
import { type FoundRecord, type Search, searchRecords } from './search.ts'
import { HEADINGS, parseRecord, recordLine } from './words.ts'

/** Every outcome that a record can have; `accepted` is of what somebody asked for and is no command. */
const OUTCOMES: Readonly<Record<Outcome['kind'] | 'accepted', true>> = {
  verified: true,
  mismatch: true,
  unknown: true,
  accepted: true,
  refused: true,
}

export interface AuditQueryOptions {
  readonly path: string
  readonly actor?: string
  readonly subject?: string
  readonly credential?: string
  readonly actuator?: string
  readonly kind?: string
  readonly outcome?: string
  /** As `parseMoment` reads them. */
  readonly since?: string
  readonly until?: string
  /** Most records that are shown: the newest of them. */
  readonly limit: number
  /** All of them, instead. */
  readonly all?: boolean
  readonly json?: boolean
  readonly csv?: boolean
}

/**
 * `holdfast audit query`: finds records in the log's file, of a running agent too, and prints them oldest first. Returns
 * the exit code: 0 done, 2 the question or the file cannot be read.
 */
export async function auditQuery(options: AuditQueryOptions, clock: Pick<Clock, 'wall'>): Promise<number> {
  if (options.json && options.csv) return complain('--json and --csv exclude each other')
  const search = readSearch(options, clock)
  if (typeof search === 'string') return complain(search)
  const printer = new Printer(process.stdout)
  const format = formatOf(options, printer)
  try {
    using evidence = Evidence.open(options.path)
    try {
      await format.begin()
      let isNone = true
      for (const { text } of found(evidence, search, options)) {
        isNone = false
        if (!(await format.print(text))) break
      }
      if (isNone && !evidence.wasDisturbed()) process.stderr.write('no record fits\n')
    } catch (error) {
      if (!evidence.wasDisturbed()) throw error
    }
    if (evidence.wasDisturbed()) return complain('the agent opened the log while it was read: run this again')
    return EXIT.done
  } catch (error) {
    return complain(`cannot read the log: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function found(
  { database }: Evidence,
  search: Search,
  { all, limit }: AuditQueryOptions,
): Iterable<FoundRecord> {
  return all
    ? searchRecords(database, search, 'oldest-first', Number.MAX_SAFE_INTEGER)
    : [...searchRecords(database, search, 'newest-first', limit)].toSorted((a, b) => a.seq - b.seq)
}

interface Format {
  begin(): Promise<boolean>
  /** False when nobody reads any more. */
  print(text: string): Promise<boolean>
}

function formatOf({ json, csv }: AuditQueryOptions, printer: Printer): Format {
  if (json) return { begin: async () => true, print: text => printer.printJson(text) }
  if (csv)
    return { begin: () => printer.printPlain(CSV_HEADER), print: text => printer.printPlain(csvLine(text)) }
  return {
    begin: () => printer.print(`${HEADINGS}\n`),
    print: text => printer.print(`${recordLine(parseRecord(text))}\n`),
  }
}

/** What is searched for, or what is wrong with the question. */
function readSearch(options: AuditQueryOptions, clock: Pick<Clock, 'wall'>): Search | string {
  const { actor, subject, credential, actuator, kind, outcome, limit } = options
  // What is mistyped fits no record: that must not look as if nothing had happened.
  for (const [name, word, known] of [
    ['kind', kind, AUDIT_KINDS],
    ['outcome', outcome, OUTCOMES],
  ] as const) {
    if (word !== undefined && !Object.hasOwn(known, word))
      return `--${name} ${word}: there is no such ${name}; there are ${Object.keys(known).join(', ')}`
  }
  if (limit < 1) return `--limit ${limit}: expected a number from 1 on; --all shows all of them`
  const moments: { since?: number; until?: number } = {}
  for (const name of ['since', 'until'] as const) {
    const text = options[name]
    if (text === undefined) continue
    const moment = parseMoment(text, clock.wall())
    if (moment === undefined) return `--${name} ${text}: expected ${MOMENT_FORM}`
    moments[name] = moment
  }
  const asked = Object.entries({ actor, subject, credential, actuator, kind, outcome }).filter(
    ([, value]) => value !== undefined,
  )
  return { ...Object.fromEntries(asked), ...moments }
}

function complain(message: string): number {
  process.stderr.write(`${plain(message)}\n`)
  return EXIT.usage
}
