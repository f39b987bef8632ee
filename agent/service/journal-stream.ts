/** A file as fstat(2) tells it from every other. */
export interface OpenFile {
  readonly dev: number
  readonly ino: number
}

/**
 * Whether an open file leads to the journal. `stream` is JOURNAL_STREAM of the environment: the device and inode of the journal's end of
 * standard output or standard error. A program that a service runs with other outputs inherits the variable all the same
 * (systemd.exec(5)), so they are compared.
 */
export function leadsToJournal({ dev, ino }: OpenFile, stream: string | undefined): boolean {
  return stream === `${dev}:${ino}`
}
