import type { Clock } from '../../../model/time.ts'
import type { MasterKeyUnavailable } from '../master-key.ts'
import { answerInTime } from './deadline.ts'
import { explain, isSystemError } from './fault.ts'
import { KeyFiles } from './key-files.ts'
import type { ToolFailure, TpmAccess } from './tool.ts'
import { Turn } from './turn.ts'

export interface KeyTurnOptions extends TpmAccess {
  readonly stateDir: string
  /** Where files of one turn go; in memory unless given. */
  readonly workRoot?: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** What was asked for is not done, and nothing was changed. */
export interface KeyRefusal {
  readonly kind: 'refused'
  /**
   * - `already-enrolled`, `not-enrolled`: there is a key, or there is none.
   * - `another-key`: the key that was given is not the one that is enrolled.
   * - `newer`: a newer holdfast wrote what is there.
   * - `newest`: the generation is the one in use.
   * - `pcrs`, `mode`: the TPM cannot do that.
   * - `state-dir`: the files cannot be read or written.
   */
  readonly reason:
    | 'already-enrolled'
    | 'not-enrolled'
    | 'another-key'
    | 'newer'
    | 'newest'
    | 'pcrs'
    | 'mode'
    | 'state-dir'
  readonly detail: string
  readonly remedy: string
}

/** One turn at the TPM and at the key files, from which every other process of holdfast is kept away. */
export async function keyTurn<T extends { readonly kind: string }>(
  options: KeyTurnOptions,
  body: (turn: Turn, files: KeyFiles) => Promise<T | ToolFailure>,
): Promise<T | KeyRefusal | MasterKeyUnavailable> {
  const files = new KeyFiles(options.stateDir)
  try {
    await files.prepare()
    const turn = Turn.during({ ...options, lock: files.directory }, turn => body(turn, files))
    const answer = await answerInTime(turn, options.signal)
    return isFailure(answer) ? explain(answer, options) : answer
  } catch (error) {
    if (!isSystemError(error)) throw error
    return refusal(
      'state-dir',
      `the key cannot be kept: ${error.message}`,
      'Run this as root, with room on the disk.',
    )
  }
}

export function refusal(reason: KeyRefusal['reason'], detail: string, remedy: string): KeyRefusal {
  return { kind: 'refused', reason, detail, remedy }
}

function isFailure(answer: { readonly kind: string }): answer is ToolFailure {
  return answer.kind === 'failed'
}
