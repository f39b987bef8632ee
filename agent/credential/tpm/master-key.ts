import {
  type MasterKey,
  type MasterKeyAnswer,
  type MasterKeyUnavailable,
  MESSAGE_LENGTH_MAX,
} from '../master-key.ts'
import { answerInTime } from './deadline.ts'
import { explain, isSystemError, unavailable } from './fault.ts'
import { KeyFiles } from './key-files.ts'
import { macWithRecord } from './key-object.ts'
import { type KeyRecord, UNUSABLE } from './key-record.ts'
import type { TpmAccess } from './tool.ts'
import { Turn } from './turn.ts'

export interface TpmMasterKeyOptions extends TpmAccess {
  readonly stateDir: string
  /** Which generation to answer for; the newest that is enrolled unless given, or the first when none is. */
  readonly generation?: number
  /** Where files of one turn go; in memory unless given. */
  readonly workRoot?: string
}

/** Opens the master key that `enrollTpm` made. Asks the TPM nothing, and works before enrolment: each call looks anew. */
export async function openTpmMasterKey(options: TpmMasterKeyOptions): Promise<MasterKey> {
  const files = new KeyFiles(options.stateDir)
  const generation = options.generation ?? (await files.newest()) ?? 1
  const key = new TpmMasterKey(options, files, generation)
  await key.readRecord()
  return key
}

class TpmMasterKey implements MasterKey {
  readonly generation: number
  readonly #options: TpmMasterKeyOptions
  readonly #files: KeyFiles
  #description = 'tpm (not enrolled)'

  constructor(options: TpmMasterKeyOptions, files: KeyFiles, generation: number) {
    this.#options = options
    this.#files = files
    this.generation = generation
  }

  get description(): string {
    return this.#description
  }

  async hmac(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer> {
    if (message.length > MESSAGE_LENGTH_MAX) throw new RangeError(`at most ${MESSAGE_LENGTH_MAX} bytes`)
    try {
      return await this.#ask(message, signal)
    } catch (error) {
      if (!isSystemError(error)) throw error
      return unavailable(
        'failed',
        `the key cannot be used: ${error.message}`,
        'Check the owner, the mode and the disk.',
      )
    }
  }

  async #ask(message: Uint8Array, signal: AbortSignal): Promise<MasterKeyAnswer> {
    const record = await this.readRecord()
    if (record.kind === 'unavailable') return record
    const turn = Turn.during(
      { ...this.#options, lock: this.#files.directory, signal },
      async turn => await macWithRecord(turn, record, message),
    )
    const answer = await answerInTime(turn, signal)
    if (answer.kind === 'failed') return explain(answer, this.#options)
    if (answer.name === record.name) return { kind: 'mac', mac: answer.mac }
    answer.mac.fill(0)
    return unavailable(
      'failed',
      `${this.#files.path(this.generation)} was altered: its parts do not belong together`,
      'Restore it from a backup, or run holdfast recover.',
    )
  }

  async readRecord(): Promise<(KeyRecord & { kind: 'record' }) | MasterKeyUnavailable> {
    const record = await this.#files.read(this.generation)
    if (record === undefined)
      return unavailable(
        'not-enrolled',
        `no master key of generation ${this.generation} is enrolled`,
        'Run holdfast enroll.',
      )
    if (typeof record === 'string') {
      const { is, remedy } = UNUSABLE[record]
      return unavailable('failed', `${this.#files.path(this.generation)} ${is}`, remedy)
    }
    this.#description = `tpm (${record.mode}, ${record.pcrs})`
    return { ...record, kind: 'record' }
  }
}
