import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A TPM in software (swtpm) that is this program's own: it ends with it. */
export interface SoftwareTpm extends AsyncDisposable {
  /** How tpm2-tools reach it. The same for its whole life. */
  readonly tcti: string
  /** A power cycle: what is in NV memory stays, PCRs start from zero. Also starts a TPM that was stopped. */
  restart(): Promise<void>
  stop(): Promise<void>
  /** The chip hangs: it takes commands and answers none, until `resume`. */
  pause(): void
  resume(): void
}

const ANSWER_MS_MAX = 10_000
const RETRY_MS = 5
/** TPM2_GetTestResult without sessions (TPM 2.0 Part 3, 10.4): the smallest question that has an answer. */
const TEST_RESULT = Buffer.from('80010000000a0000017c', 'hex')

/**
 * Starts a software TPM that keeps its state in `dir`, and waits until it answers. Throws, in words, if it does not.
 */
export async function startTpm({ dir }: { readonly dir: string }): Promise<SoftwareTpm> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  // A socket's path has at most 107 bytes (unix(7)), and a state directory may be longer than that.
  const sockets = await mkdtemp(join(tmpdir(), 'hf-tpm-'))
  const tpm = new Swtpm(dir, sockets)
  try {
    await tpm.restart()
    return tpm
  } catch (error) {
    await tpm[Symbol.asyncDispose]()
    throw error
  }
}

class Swtpm implements SoftwareTpm {
  readonly #stateDir: string
  readonly #sockets: string
  readonly #socket: string
  #process: ChildProcess | undefined

  constructor(stateDir: string, sockets: string) {
    this.#stateDir = stateDir
    this.#sockets = sockets
    this.#socket = join(sockets, 'tpm')
  }

  get tcti(): string {
    return `swtpm:path=${this.#socket}`
  }

  async restart(): Promise<void> {
    await this.stop()
    // The kernel ends swtpm when the thread that started it dies (prctl(2), PR_SET_PDEATHSIG), whatever it died of.
    const child = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'TERM', '--', 'swtpm', 'socket', '--tpm2'],
        ...['--server', `type=unixio,path=${this.#socket},mode=0600`],
        ...['--ctrl', `type=unixio,path=${this.#socket}.ctrl,mode=0600`],
        ...['--flags', 'not-need-init,startup-clear'],
      ],
      // In the environment and not as an option, because swtpm splits options at commas.
      { env: { ...process.env, TPM_PATH: this.#stateDir }, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#process = child
    const said: Buffer[] = []
    child.stderr?.on('data', chunk => said.push(chunk))
    await startedOrWhyNot(child, said, this.#socket)
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || hasEnded(child)) return
    const ended = once(child, 'close')
    child.kill('SIGTERM')
    child.kill('SIGCONT')
    await ended
  }

  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await rm(this.#sockets, { recursive: true, force: true })
  }
}

async function startedOrWhyNot(child: ChildProcess, said: readonly Buffer[], socket: string): Promise<void> {
  const ended = Promise.withResolvers<never>()
  child.once('error', () => ended.reject(new Error('setpriv is not installed: apt-get install util-linux')))
  child.once('close', code => {
    const text = Buffer.concat(said).toString('utf8').trim()
    const missing = code === 127 || /No such file or directory/.test(text)
    const reason = missing ? 'it is not installed: apt-get install swtpm' : text.replaceAll('\n', '; ')
    ended.reject(new Error(`swtpm did not start: ${reason}`))
  })
  // Its end is this promise's concern only while it starts.
  ended.promise.catch(() => undefined)
  const deadline = AbortSignal.timeout(ANSWER_MS_MAX)
  while (!(await Promise.race([answers(socket, deadline), ended.promise]))) {
    if (deadline.aborted) throw new Error(`swtpm did not answer within ${ANSWER_MS_MAX / 1000} s`)
    await Promise.race([delay(RETRY_MS), ended.promise])
  }
}

/** Whether a TPM answers at a socket. */
async function answers(path: string, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ path, signal })
  try {
    socket.write(TEST_RESULT)
    await once(socket, 'data', { signal })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}
