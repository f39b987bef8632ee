import type { MasterKeyUnavailable, Unavailability } from '../master-key.ts'
import type { GuardedFileFault } from './guarded-file.ts'

/** How to speak of a guarded file. */
export interface GuardedFileWords {
  /** `the key file /etc/holdfast/master.key` */
  readonly what: string
  /** What to do when it is not there, as a sentence. */
  readonly whenMissing: string
  /** What to do when the agent may not read it, as a sentence. */
  readonly whenDenied: string
  /** How its owner and its mode are put right, as a sentence. */
  readonly whenExposed: string
}

/** Says in plain words why a guarded file was not read, and what to do about it. */
export function explainGuardedFile(fault: GuardedFileFault, words: GuardedFileWords): MasterKeyUnavailable {
  const { what, whenMissing, whenDenied, whenExposed } = words
  switch (fault.cause) {
    case 'missing':
      return unavailable('absent', `${what} is not there`, whenMissing)
    case 'denied':
      return unavailable('absent', `the agent may not read ${what}`, whenDenied)
    case 'link':
      return unavailable('failed', `${what} is a symbolic link`, 'Give the path of the file itself.')
    case 'not-regular':
      return unavailable('failed', `${what} is not a regular file`, 'Give the path of a regular file.')
    case 'owner':
      return unavailable(
        'failed',
        `${what} belongs to user ${fault.owner}, and not to root or to the agent`,
        whenExposed,
      )
    case 'mode':
      return unavailable(
        'failed',
        `${what} has mode ${octal(fault.mode)}: too many may use it`,
        `${whenExposed} If somebody may have read it, replace what is in it.`,
      )
    case 'directory-owner':
      return unavailable(
        'failed',
        `the directory of ${what} belongs to user ${fault.owner}, who can put another file there`,
        'Give the directory to root or to the agent, or keep the file elsewhere.',
      )
    case 'directory-mode':
      return unavailable(
        'failed',
        `the directory of ${what} has mode ${octal(fault.mode)}: others can put another file there`,
        'Take the right to write from group and others: chmod go-w.',
      )
    case 'too-long':
      return unavailable('failed', `${what} is too long`, 'Look whether it is the right file.')
    case 'system':
      return unavailable('failed', `${what} cannot be read (${fault.code})`, 'Check the disk.')
  }
}

export function unavailable(reason: Unavailability, detail: string, remedy: string): MasterKeyUnavailable {
  return { kind: 'unavailable', reason, detail, remedy }
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`
}
