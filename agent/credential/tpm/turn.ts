import type { FileHandle } from 'node:fs/promises'
import { ProcessLock } from './lock.ts'
import { Queue } from './queue.ts'
import { runTool, type ToolAnswer, type ToolFailure, type TpmAccess } from './tool.ts'
import { WorkDirectory } from './work-directory.ts'

/** One queue for each TPM that this process talks to. */
const queues = new Map<string, Queue>()

/** Tools that leave a session in the TPM even when they succeed; every tool may when it fails. */
const LEAVES_SESSION: ReadonlySet<string> = new Set(['tpm2_createpolicy'])

/** Longest that cleaning up after one command may take, in milliseconds. */
const FLUSH_MS_MAX = 1000

export interface TurnOptions extends TpmAccess {
  /** Where files of one turn go; a systemd RuntimeDirectory, say. */
  readonly workRoot?: string | undefined
  /** The directory whose lock keeps other processes of holdfast away from the TPM; undefined where none has to be kept away. */
  readonly lock: string | undefined
  readonly signal: AbortSignal
}

/**
 * One turn at the TPM: several commands that nothing of holdfast comes between. A TPM has three object slots and tpm2-tools
 * leave theirs occupied, so in parallel they fail with 0x902; a kernel resource manager hides that, a bare TPM does not.
 */
export class Turn {
  readonly #options: TurnOptions
  /** For the files of this turn. */
  readonly work: WorkDirectory

  private constructor(options: TurnOptions, work: WorkDirectory) {
    this.#options = options
    this.work = work
  }

  /** Waits for its turn, does `body` in it, and tidies up. A failure with cause `aborted` says that `signal` came first. */
  static async during<T>(options: TurnOptions, body: (turn: Turn) => Promise<T>): Promise<T | ToolFailure> {
    const queue = queues.get(options.tcti) ?? new Queue()
    queues.set(options.tcti, queue)
    using place = await queue.take(options.signal)
    if (!place) return { kind: 'failed', tool: 'queue', cause: 'aborted', code: undefined, stderr: '' }
    await using lock =
      options.lock === undefined ? undefined : await ProcessLock.take(options.lock, options, options.signal)
    if (lock?.failure) return lock.failure
    await using work = await WorkDirectory.create(options.workRoot)
    return await body(new Turn(options, work))
  }

  /** Runs one command and frees what it left in the TPM, whatever came of it. */
  async run(tool: string, args: readonly string[], stdin?: FileHandle): Promise<ToolAnswer> {
    const answer = await runTool(this.#options, tool, args, this.#options.signal, stdin)
    await this.#flush(tool, answer)
    return answer
  }

  /** Behind a resource manager nothing is ours to free: it does so when the tool closes its connection. */
  async #flush(tool: string, answer: ToolAnswer): Promise<void> {
    const { tcti } = this.#options
    if (tcti.startsWith('device:/dev/tpmrm') || tcti.startsWith('tabrmd')) return
    if (answer.kind === 'failed' && answer.cause === 'missing') return
    const signal = AbortSignal.timeout(FLUSH_MS_MAX)
    await runTool(this.#options, 'tpm2_flushcontext', ['--transient-object'], signal)
    if (answer.kind === 'failed' || LEAVES_SESSION.has(tool))
      await runTool(this.#options, 'tpm2_flushcontext', ['--loaded-session'], signal)
  }
}
