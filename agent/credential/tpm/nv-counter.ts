import { hash } from 'node:crypto'
import type { Millis } from '../../../model/time.ts'
import type { MasterKeyUnavailable } from '../master-key.ts'
import { answerInTime } from './deadline.ts'
import { explain, isSystemError, RC_NO_SUCH_HANDLE, unavailable } from './fault.ts'
import type { ToolFailure, TpmAccess } from './tool.ts'
import { Turn } from './turn.ts'

export interface NvCounterOptions extends TpmAccess {
  /** Whose counter it is: each name has one of its own. */
  readonly name: string
  /** The directory whose lock keeps other processes of holdfast away from the TPM; undefined where none has to be kept away. */
  readonly lock: string | undefined
  /** Where files of one turn go; in memory unless given. */
  readonly workRoot?: string
  /** How long one use may take. */
  readonly timeout: Millis
}

export type NvReading =
  | { readonly kind: 'value'; readonly value: number }
  /** There is no such counter in this TPM. */
  | { readonly kind: 'absent' }
  /** It was made and has never counted. */
  | { readonly kind: 'unused' }
  | MasterKeyUnavailable

/** NV indexes of the owner begin here (TCG Registry of Reserved TPM 2.0 Handles, 2.2); the lower 22 bits are free. */
const OWNER_RANGE = 0x0180_0000
const RANGE_MASK = 0x003f_ffff
const BYTES = 8

/**
 * A counter by its type, so that it only ever grows; anybody who may use the TPM reads it and moves it on, and wrong passwords
 * elsewhere do not lock it. A new one begins above every counter that the TPM has ever had (TPM 2.0 Part 3, 31.8).
 */
const ATTRIBUTES = 'authread|authwrite|no_da|nt=counter'
/** As tpm2_nvreadpublic says it: TPM_NT_COUNTER (TPM 2.0 Part 2, 13.4). */
const IS_COUNTER = /^\s+friendly: (?:.*\|)?nt=0x1(?:\|.*)?$/m

/** TPM_RC_NV_UNINITIALIZED, and TPM_RC_AUTH_FAIL and TPM_RC_BAD_AUTH of the first session. */
const RC_UNUSED = 0x14a
const RC_OWNER_PASSWORD: ReadonlySet<number | undefined> = new Set([0x98e, 0x9a2])

/** The NV index of a name's counter, such as `0x01a3f00c`: found again without any file. */
export function counterIndex(name: string): string {
  const digest = hash('sha256', `holdfast audit counter\n${name}`, 'buffer')
  return `0x0${(OWNER_RANGE + (digest.readUInt32BE() & RANGE_MASK)).toString(16)}`
}

/** A monotonic counter in the TPM's NV memory. Each call is one turn at the TPM, and none rejects. */
export class NvCounter {
  readonly index: string
  readonly #options: NvCounterOptions

  constructor(options: NvCounterOptions) {
    this.index = counterIndex(options.name)
    this.#options = options
  }

  read(): Promise<NvReading> {
    return this.#inTurn(turn => this.#read(turn))
  }

  /** Counts one on and says where the counter stands then. */
  increment(): Promise<NvReading> {
    return this.#inTurn(turn => this.#increment(turn))
  }

  /**
   * Where the counter will begin that is made next: one above the one that is made here and taken away again, as a TPM remembers the
   * highest count that any of its counters has come to (TPM 2.0 Part 3, 31.4 and 31.8). For when there is none.
   */
  first(): Promise<NvReading> {
    return this.#inTurn(async turn => {
      const made = await this.#define(turn)
      if (made !== undefined) return made
      const counted = await this.#increment(turn)
      const gone = await turn.run('tpm2_nvundefine', [this.index, '-C', 'o'])
      if (gone.kind === 'failed') return gone
      return counted.kind === 'value' ? { ...counted, value: counted.value + 1 } : counted
    })
  }

  /** Makes the counter where there is none, and counts one on. */
  begin(): Promise<NvReading> {
    return this.#inTurn(async turn => {
      const found = await this.#read(turn)
      if (found.kind === 'absent') {
        const trouble = await this.#define(turn)
        if (trouble !== undefined) return trouble
      } else if (found.kind !== 'unused') return found
      return await this.#increment(turn)
    })
  }

  async #define(turn: Turn): Promise<MasterKeyUnavailable | ToolFailure | undefined> {
    const made = await turn.run('tpm2_nvdefine', [
      ...['--quiet', this.index, '-C', 'o', '-s', String(BYTES), '-a', ATTRIBUTES],
    ])
    return made.kind === 'failed' ? this.#undefinable(made) : undefined
  }

  async #increment(turn: Turn): Promise<NvReading | ToolFailure> {
    const moved = await turn.run('tpm2_nvincrement', ['--quiet', '-C', this.index, this.index])
    return moved.kind === 'failed' ? moved : await this.#read(turn)
  }

  async #read(turn: Turn): Promise<NvReading | ToolFailure> {
    // Something else of eight bytes in its place could be set to any value.
    const about = await turn.run('tpm2_nvreadpublic', [this.index])
    if (about.kind === 'failed') return about.code === RC_NO_SUCH_HANDLE ? { kind: 'absent' } : about
    if (!IS_COUNTER.test(Buffer.from(about.stdout).toString('utf8')))
      return unavailable(
        'failed',
        `the TPM's NV index ${this.index} is not a counter: another program's, or somebody put it there`,
        `Find out whose it is (tpm2_nvreadpublic ${this.index}); if nobody's: tpm2_nvundefine ${this.index} -C o.`,
      )
    const read = await turn.run('tpm2_nvread', ['-C', this.index, '-s', String(BYTES), this.index])
    if (read.kind === 'failed') return read.code === RC_UNUSED ? { kind: 'unused' } : read
    return { kind: 'value', value: Number(Buffer.from(read.stdout).readBigUInt64BE()) }
  }

  #undefinable(failure: ToolFailure): MasterKeyUnavailable | ToolFailure {
    if (!RC_OWNER_PASSWORD.has(failure.code)) return failure
    return unavailable(
      'failed',
      "the TPM asks for its owner's password before it makes a counter",
      `Have the owner make it once: tpm2_nvdefine ${this.index} -C o -P PASSWORD -s ${BYTES} -a "${ATTRIBUTES}".`,
    )
  }

  async #inTurn(body: (turn: Turn) => Promise<NvReading | ToolFailure>): Promise<NvReading> {
    const signal = AbortSignal.timeout(this.#options.timeout)
    try {
      const work = Turn.during({ ...this.#options, signal }, body)
      const answer = await answerInTime(work, signal)
      return answer.kind === 'failed' ? explain(answer, this.#options) : answer
    } catch (error) {
      if (!isSystemError(error)) throw error
      return unavailable('failed', `the TPM cannot be asked: ${error.message}`, 'Run this as root.')
    }
  }
}
