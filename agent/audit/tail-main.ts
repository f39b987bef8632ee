import { EXIT } from '../../model/exit.ts'
import { plain } from '../../model/plain.ts'
import type { Clock, Millis } from '../../model/time.ts'
import { Evidence } from './evidence.ts'
import { Printer } from './printer.ts'
import { lastSeq, recordsAfter } from './search.ts'
import { HEADINGS, parseRecord, recordLine } from './words.ts'

/** How often the file is looked at. */
const EVERY: Millis = 250
const PAGE = 1024

export interface AuditTailOptions {
  readonly path: string
  /** How many of the last records are shown first. */
  readonly lines: number
  readonly json?: boolean
}

/**
 * `holdfast audit tail`: prints the last records and then each new one, until the signal aborts or nobody reads. It reads
 * the file and needs no agent; it goes on over a restart of the agent, and in the log that takes this one's place.
 */
export async function auditTail(
  options: AuditTailOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const printer = new Printer(process.stdout)
  const write = options.json
    ? (text: string) => printer.printJson(text)
    : (text: string) => printer.print(`${recordLine(parseRecord(text))}\n`)
  try {
    using follower = new Follower(options.path, options.lines)
    if (!options.json) await printer.print(`${HEADINGS}\n`)
    while (!signal.aborted) {
      const texts = follower.next()
      for (const text of texts) {
        if (!(await write(text))) return EXIT.done
      }
      if (texts.length < PAGE) await clock.sleep(EVERY, signal)
    }
    return EXIT.done
  } catch (error) {
    process.stderr.write(
      `${plain(`cannot read the log: ${error instanceof Error ? error.message : String(error)}`)}\n`,
    )
    return EXIT.usage
  }
}

/** The end of a log, seen again and again. */
class Follower implements Disposable {
  readonly #path: string
  #evidence: Evidence | undefined
  #last: number

  /** Throws when there is no log to begin with. */
  constructor(path: string, lines: number) {
    this.#path = path
    this.#evidence = Evidence.open(path)
    this.#last = Math.max(-1, lastSeq(this.#evidence.database) - lines)
  }

  /** The records that came since, at most a page of them. Throws when the file cannot be read, though nobody is changing it. */
  next(): string[] {
    try {
      const { database } = this.#current()
      const records = recordsAfter(database, this.#last, PAGE)
      this.#last = records.at(-1)?.seq ?? this.#last
      return records.map(({ text }) => text)
    } catch (error) {
      // An agent that starts or stops has the file in its hands: whoever follows looks again.
      if (this.#evidence === undefined || this.#evidence.isOutdated()) return []
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#evidence?.[Symbol.dispose]()
  }

  /** The log as it is now: opened again when what was opened is no longer all there is. */
  #current(): Evidence {
    if (this.#evidence !== undefined && !this.#evidence.isOutdated()) return this.#evidence
    this.#evidence?.[Symbol.dispose]()
    this.#evidence = undefined
    const evidence = Evidence.open(this.#path)
    if (lastSeq(evidence.database) < this.#last) this.#last = -1
    this.#evidence = evidence
    return evidence
  }
}
