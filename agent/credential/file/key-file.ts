import { hmacSha256 } from '../chain.ts'
import { type MasterKeyAnswer, MESSAGE_LENGTH_MAX } from '../master-key.ts'
import { answerBefore } from './deadline.ts'
import { explainGuardedFile, type GuardedFileWords, unavailable } from './fault.ts'
import { readGuardedFile } from './guarded-file.ts'
import { KEY_TEXT_LENGTH_MAX, parseKeyText } from './key-text.ts'

export interface KeyFile extends GuardedFileWords {
  readonly path: string
  readonly user: number
  readonly modeMax: number
  /** How a sound key file is made, as a sentence. */
  readonly whenDamaged: string
}

/**
 * HMAC-SHA256(the key in the file, message). The file is read at each call and the key is in memory for a moment only; a message
 * that is too long throws RangeError.
 */
export async function macWithKeyFile(
  file: KeyFile,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<MasterKeyAnswer> {
  if (message.length > MESSAGE_LENGTH_MAX) throw new RangeError(`at most ${MESSAGE_LENGTH_MAX} bytes`)
  const late = unavailable(
    'timeout',
    `${file.what} could not be read before the deadline`,
    'If this keeps happening, check the disk that the file is on.',
  )
  return await answerBefore(signal, late, () => readAndUse(file, message))
}

async function readAndUse(file: KeyFile, message: Uint8Array): Promise<MasterKeyAnswer> {
  const { user, modeMax } = file
  const read = await readGuardedFile(file.path, { user, modeMax, lengthMax: KEY_TEXT_LENGTH_MAX })
  if (read.kind === 'fault') return read.cause === 'too-long' ? damaged(file) : explainGuardedFile(read, file)
  using text = read
  const key = parseKeyText(text.bytes)
  if (key === undefined) return damaged(file)
  try {
    return { kind: 'mac', mac: hmacSha256(key, message) }
  } finally {
    key.fill(0)
  }
}

function damaged(file: KeyFile): MasterKeyAnswer {
  return unavailable('failed', `${file.what} does not hold 64 hexadecimal digits of a key`, file.whenDamaged)
}
