/** Why the log cannot be read or written, and what a person can do about it. */
export interface Failure {
  /**
   * `missing`: no log there. `corrupt`: there is something, and it is not this log whole. `foreign`: another version's.
   * `unwritable`: all else; it may be over by itself, once there is room or the disk answers.
   */
  readonly kind: 'missing' | 'corrupt' | 'foreign' | 'unwritable'
  readonly detail: string
  readonly remedy: string
}

/** A failure that the code that opens or writes the log found itself, thrown to end a transaction. */
export class AuditFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.detail)
    this.failure = failure
  }
}

export const DAMAGE =
  'keep the file as it is, run `holdfast audit verify` on a copy, and look at the disk (dmesg, smartctl)'
const READ_ONLY: Failure = {
  kind: 'unwritable',
  detail: 'the audit log cannot be written: its file or file system is read-only',
  remedy:
    'make the file and its folder writable for the agent; if the kernel made the disk read-only, look at dmesg',
}
const FORBIDDEN: Failure = {
  kind: 'unwritable',
  detail: 'the agent may not write the audit log',
  remedy: 'give the file and its folder to the user that the agent runs as',
}
const UNKNOWN: Failure = {
  kind: 'unwritable',
  detail: 'the audit log cannot be opened or written',
  remedy: 'look whether its folder exists and belongs to the user that the agent runs as',
}

const LEFT_OUT: Failure = {
  kind: 'unwritable',
  detail: 'the audit log file left out what was written to it: its tables were changed',
  remedy: 'keep the file as it is and run `holdfast audit verify` on a copy; the next start moves it aside',
}

export const GONE: Failure = {
  kind: 'unwritable',
  detail: 'the audit log file was deleted or replaced while the agent had it open',
  remedy:
    'put the file back from its backup; the agent does not begin a new log by itself, as that would hide the loss',
}

/** What the codes of SQLite and of the system mean to the person on shift. The first whose name begins the code is used. */
const MEANINGS: Readonly<Record<string, Failure>> = {
  SQLITE_FULL: {
    kind: 'unwritable',
    detail: 'the disk is full',
    remedy: 'free space on the disk that holds the audit log; nothing else is needed',
  },
  SQLITE_READONLY: READ_ONLY,
  EROFS: READ_ONLY,
  SQLITE_PERM: FORBIDDEN,
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  SQLITE_BUSY: {
    kind: 'unwritable',
    detail: 'another program holds the audit log locked',
    remedy: 'end the program that has the file open for writing (fuser shows it); copies are for looking at',
  },
  // What connections share beside the log (-shm) is a file, too: with this a start on a full disk fails.
  SQLITE_IOERR_SHMSIZE: {
    kind: 'unwritable',
    detail: 'the disk has no room for what belongs beside the audit log',
    remedy:
      'free space on the disk that holds the audit log; where there is room, look at the disk (dmesg, smartctl) and at its quota',
  },
  SQLITE_IOERR: {
    kind: 'unwritable',
    detail: 'the disk fails reads or writes of the audit log',
    remedy: 'look at the disk (dmesg, smartctl) and at its quota',
  },
  SQLITE_CONSTRAINT_PRIMARYKEY: {
    kind: 'unwritable',
    detail: 'another program wrote to the audit log',
    remedy: 'find and end it (a second agent?); the agent goes on after what it wrote',
  },
  SQLITE_CORRUPT: { kind: 'corrupt', detail: 'the audit log file is damaged', remedy: DAMAGE },
  SQLITE_NOTADB: { kind: 'corrupt', detail: 'the file is not an audit log', remedy: DAMAGE },
}

/** Says what an error from SQLite or the file system means. Never throws. */
export function failureOf(error: unknown): Failure {
  if (error instanceof AuditFailure) return error.failure
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const said = error instanceof Error ? error.message : String(error)
  const name = Object.keys(MEANINGS).find(begin => code.startsWith(begin)) ?? ''
  const { kind, detail, remedy } = MEANINGS[name] ?? UNKNOWN
  return { kind, detail: `${detail} (${code === '' ? said : `${code}: ${said}`})`, remedy }
}

/** Throws AuditFailure unless one row was written: a trigger in the file can have SQLite leave it out and report no error. */
export function mustBeTaken({ changes }: { readonly changes: number }): void {
  if (changes !== 1) throw new AuditFailure(LEFT_OUT)
}
