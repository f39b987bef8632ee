import { leadsToJournal, type OpenFile } from './journal-stream.ts'

/** Where a log goes: standard output. */
export interface Output {
  write(text: string): unknown
}

/** pino's levels, from the loudest, and the priorities of syslog(3) that they are. */
const PRIORITIES = [
  [60, 2],
  [50, 3],
  [40, 4],
  [30, 6],
] as const

/**
 * The stream of a log. Where standard output is the journal itself, each line begins with its priority (sd-daemon(3)), which the
 * journal takes off again: `journalctl -p err` then shows critical alarms and no chatter. `journal` is JOURNAL_STREAM of the
 * environment, `file` what standard output is.
 */
export function journalStream(output: Output, journal: string | undefined, file: OpenFile): Output {
  if (!leadsToJournal(file, journal)) return output
  // pino tells a stream that bears this symbol the level of each line before it writes it.
  const stream = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 30,
    write: (line: string) => {
      const [, priority] = PRIORITIES.find(([level]) => stream.lastLevel >= level) ?? [0, 7]
      return output.write(`<${priority}>${line}`)
    },
  }
  return stream
}
