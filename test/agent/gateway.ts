import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import Database from 'better-sqlite3'
import { execa } from 'execa'
import { parseDocument } from 'yaml'
import { systemClock } from '../../agent/time/system-clock.ts'
import { AgentClient, type ClientTls, parseAgentAddress } from '../../client/agent-client.ts'
import type { Credential } from '../../model/credential.ts'
import { type Plant, startPlant } from '../../simulator/plant.ts'
import { realClock } from '../../simulator/real-clock.ts'
import { type SoftwareTpm, startTpm } from '../../simulator/tpm.ts'

export const ROOT = join(import.meta.dirname, '..', '..')
export const HOLDFAST = join(ROOT, 'bin', 'holdfast')
const EXAMPLE = join(ROOT, 'examples', 'water-treatment')
const START_DEADLINE = 30_000

export interface GatewayOptions {
  /** What forged requests on the TCP listener do; `alarm` unless given, so that a test of refusals does not trip. */
  readonly unattributed?: 'count' | 'alarm'
  /** Changes the example's configuration further: path and value. */
  readonly settings?: readonly (readonly [path: readonly (string | number)[], value: unknown])[]
  /** Changes the example's plant further. */
  readonly plant?: readonly (readonly [path: readonly (string | number)[], value: unknown])[]
  readonly enrolled?: boolean
}

/** One line that a program of ours wrote to its log. */
export type LogLine = Record<string, unknown>

/** A running agent process. */
export interface RunningAgent extends AsyncDisposable {
  readonly pid: number
  /** Where it takes signed commands over TCP. */
  readonly address: string
  readonly log: readonly LogLine[]
  /** Resolves with the first line on standard error, past or future, that matches. */
  said(wished: RegExp): Promise<RegExpExecArray>
  /** Resolves with the first line of the log, past or future, that is as wished. */
  line(wished: (line: LogLine) => boolean): Promise<LogLine>
  kill(signal: NodeJS.Signals): Promise<number | undefined>
}

/** A gateway on real parts: a TPM in software, a plant behind Modbus TCP, and agents as processes of their own. */
export class Gateway implements AsyncDisposable {
  readonly folder: string
  readonly tpm: SoftwareTpm
  readonly plant: Plant
  readonly config: string
  readonly #stack: AsyncDisposableStack

  constructor(folder: string, tpm: SoftwareTpm, plant: Plant, stack: AsyncDisposableStack) {
    this.folder = folder
    this.tpm = tpm
    this.plant = plant
    this.config = join(folder, 'holdfast.yaml')
    this.#stack = stack
  }

  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'hf-test-'))
    stack.defer(async () => await rm(folder, { recursive: true, force: true }))
    const tpm = stack.use(await startTpm({ dir: join(folder, 'tpm') }))
    const plantDocument = parseDocument(await readFile(join(EXAMPLE, 'plant.yaml'), 'utf8'))
    for (const [path, value] of options.plant ?? [])
      plantDocument.setIn(path, plantDocument.createNode(value))
    const plantFile = join(folder, 'plant.yaml')
    await writeFile(plantFile, plantDocument.toString())
    const plant = stack.use(await startPlant({ file: plantFile }, { clock: realClock, port: 0 }))
    const document = parseDocument(await readFile(join(EXAMPLE, 'holdfast.yaml'), 'utf8'))
    document.setIn(['master_key', 'tcti'], tpm.tcti)
    document.setIn(['listeners', 0, 'tcp'], '127.0.0.1:0')
    document.setIn(['listeners', 0, 'unattributed_failures'], options.unattributed ?? 'alarm')
    document.setIn(['devices', 'plc', 'port'], plant.address.port)
    for (const [path, value] of options.settings ?? []) document.setIn(path, document.createNode(value))
    const gateway = new Gateway(folder, tpm, plant, stack.move())
    await writeFile(gateway.config, document.toString())
    if (options.enrolled ?? true) {
      const { exitCode, stderr } = await gateway.holdfast('enroll', '--config', gateway.config)
      if (exitCode !== 0) throw new Error(`enrolment failed: ${stderr}`)
    }
    return gateway
  }

  get auditLog(): string {
    return join(this.folder, 'state', 'audit.db')
  }

  get operatorSocket(): string {
    return `unix:${join(this.folder, 'run', 'operator.sock')}`
  }

  get adminSocket(): string {
    return `unix:${join(this.folder, 'run', 'admin.sock')}`
  }

  /** Runs a command of ours to its end. */
  async holdfast(
    ...words: string[]
  ): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
    const { exitCode, stdout, stderr } = await execa(HOLDFAST, words, {
      reject: false,
      cwd: this.folder,
      stdin: 'ignore',
    })
    return { exitCode, stdout, stderr }
  }

  /**
   * Starts an agent and waits until it is ready. It is stopped with the gateway, if it still runs then. `inside` are the
   * words of a command that becomes the agent, in surroundings of its own.
   */
  async startAgent(env: Record<string, string> = {}, inside: readonly string[] = []): Promise<RunningAgent> {
    const [file = '', ...words] = [...inside, HOLDFAST, 'agent', '--config', this.config]
    const program = execa(file, words, {
      reject: false,
      buffer: false,
      stdin: 'ignore',
      stderr: ['pipe', 'inherit'],
      // A stop may take as long as the actuators do.
      forceKillAfterDelay: 30_000,
      env,
    })
    const errors = linesOf(program.stderr)
    const log: LogLine[] = []
    const waiting = new Set<{ wished: (line: LogLine) => boolean; resolve: (line: LogLine) => void }>()
    createInterface({ input: program.stdout }).on('line', text => {
      const line = JSON.parse(text) as LogLine
      log.push(line)
      for (const waiter of waiting) {
        if (!waiter.wished(line)) continue
        waiting.delete(waiter)
        waiter.resolve(line)
      }
    })
    const line = (wished: (line: LogLine) => boolean): Promise<LogLine> => {
      const past = log.find(wished)
      if (past) return Promise.resolve(past)
      const { promise, resolve } = Promise.withResolvers<LogLine>()
      waiting.add({ wished, resolve })
      return promise
    }
    const kill = async (signal: NodeJS.Signals): Promise<number | undefined> => {
      program.kill(signal)
      return (await program).exitCode
    }
    const ended = program.then(({ exitCode }) => {
      throw new Error(`the agent ended with ${exitCode}`)
    })
    ended.catch(() => {})
    const late = AbortSignal.timeout(START_DEADLINE)
    const tooLate = new Promise<never>((_, reject) =>
      late.addEventListener('abort', () => reject(new Error('the agent did not start in time'))),
    )
    await Promise.race([line(({ event }) => event === 'ready'), ended, tooLate])
    const listening = log.find(({ listener, address }) => listener === 'plant-lan' && address !== undefined)
    const agent: RunningAgent = {
      pid: program.pid ?? 0,
      address: String(listening?.address),
      log,
      line,
      said: errors,
      kill,
      [Symbol.asyncDispose]: async () => void (await kill('SIGKILL')),
    }
    this.#stack.use(agent)
    return agent
  }

  /** Issues a credential through the admin socket. */
  async issue(
    subject: string,
    role: string,
    ...more: string[]
  ): Promise<{ file: string; credential: Credential }> {
    const file = join(this.folder, `${subject}-${randomBytes(4).toString('hex')}.credential`)
    const words = [
      'credential',
      'issue',
      '--agent',
      this.adminSocket,
      '--subject',
      subject,
      '--role',
      role,
      '--out',
      file,
    ]
    const { exitCode, stderr } = await this.holdfast(...words, ...more)
    if (exitCode !== 0) throw new Error(`no credential: ${stderr}`)
    return { file, credential: JSON.parse(await readFile(file, 'utf8')) as Credential }
  }

  /** A client for an agent; `skew` moves its clock. */
  client(address: string, credential?: Credential, skew = 0, tls?: ClientTls): AgentClient {
    const parsed = parseAgentAddress(address)
    if (!parsed) throw new TypeError(`no address: ${address}`)
    return new AgentClient(parsed, {
      credential,
      tls,
      deadline: 20_000,
      clock: { wall: () => systemClock.wall() + skew },
      entropy: randomBytes,
    })
  }

  /** What is in the audit log now. */
  records(): Record<string, unknown>[] {
    const database = new Database(this.auditLog, { readonly: true })
    try {
      const rows = database.prepare<[], { bytes: string }>('SELECT bytes FROM record ORDER BY seq').all()
      return rows.map(({ bytes }) => JSON.parse(bytes) as Record<string, unknown>)
    } finally {
      database.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync().then(() => undefined)
  }
}

/** Keeps the lines of a stream, and finds the first that matches, past or future. */
function linesOf(stream: Readable): (wished: RegExp) => Promise<RegExpExecArray> {
  const lines: string[] = []
  const waiting = new Set<(line: string) => void>()
  createInterface({ input: stream }).on('line', line => {
    lines.push(line)
    for (const waiter of waiting) waiter(line)
  })
  return wished => {
    const { promise, resolve } = Promise.withResolvers<RegExpExecArray>()
    const look = (line: string): void => {
      const match = wished.exec(line)
      if (!match) return
      waiting.delete(look)
      resolve(match)
    }
    waiting.add(look)
    for (const line of lines) look(line)
    return promise
  }
}
