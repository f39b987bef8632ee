import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { parseDocument } from 'yaml'
import { AgentClient, parseAgentAddress } from '../client/agent-client.ts'
import type { Credential } from '../model/credential.ts'
import type { Clock } from '../model/time.ts'
import { startTpm } from '../simulator/tpm.ts'

const HERE = dirname(fileURLToPath(import.meta.url))
const HOLDFAST = join(HERE, '..', 'bin', 'holdfast')
const EXAMPLE = join(HERE, '..', 'examples', 'water-treatment')
const DEVICE = '/dev/tpmrm0'
const START_DEADLINE = 30_000

/** What a finished command of ours said. */
export interface Said {
  readonly code: number
  readonly json: Record<string, unknown>
}

/** Everything that the demo stands on: a TPM, a plant and an agent, each a process of its own, in a folder of their own. */
export interface Stage extends AsyncDisposable {
  readonly folder: string
  readonly tpm: { readonly kind: 'device' | 'software'; readonly tcti: string }
  readonly plc: { readonly host: string; readonly port: number }
  readonly config: string
  readonly auditLog: string
  readonly adminSocket: string
  /** Where the agent takes signed commands, once it was started. */
  readonly agent: string
  startAgent(): Promise<{ readyMs: number }>
  /** Runs `holdfast` with `--json`, as a person would. */
  holdfast(...words: string[]): Promise<Said>
  client(credential: Credential, clock: Clock): AgentClient
}

/** Sets the stage, up to a plant that runs and a configuration for it. */
export async function setStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-demo-'))
  stack.defer(async () => await rm(folder, { recursive: true, force: true }))

  const tpm = await findTpm(folder, stack)
  const plant = await startProgram(
    stack,
    ['simulate', join(EXAMPLE, 'plant.yaml'), '--port', '0', '--json'],
    line => {
      const { modbus } = JSON.parse(line) as { modbus?: { host: string; port: number } }
      return modbus
    },
  )
  const config = join(folder, 'holdfast.yaml')
  await writeFile(config, await adaptConfig(tpm.tcti, plant.port))

  let agent = ''
  const running = stack.move()
  const holdfast = async (...words: string[]): Promise<Said> => {
    const { stdout, exitCode } = await execa(HOLDFAST, [...words, '--json'], { reject: false, cwd: folder })
    return {
      code: exitCode ?? 1,
      json: stdout.trim() === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>),
    }
  }
  return {
    folder,
    tpm,
    plc: plant,
    config,
    auditLog: join(folder, 'state', 'audit.db'),
    adminSocket: `unix:${join(folder, 'run', 'admin.sock')}`,
    get agent() {
      return agent
    },
    startAgent: async () => {
      const readyMs = await startProgram(running, ['agent', '--config', config], line => {
        const said = JSON.parse(line) as {
          listener?: string
          address?: string
          event?: string
          ready_ms?: number
        }
        if (said.listener === 'plant-lan') agent = said.address ?? ''
        return said.event === 'ready' ? said.ready_ms : undefined
      })
      return { readyMs }
    },
    holdfast,
    client: (credential, clock) => {
      const address = parseAgentAddress(agent)
      if (!address) throw new TypeError(`the agent listens on ${agent}`)
      return new AgentClient(address, { credential, deadline: 10_000, clock, entropy: randomBytes })
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** The machine's own TPM where there is one that may be used, else one in software. */
async function findTpm(folder: string, stack: AsyncDisposableStack): Promise<Stage['tpm']> {
  const usable = await access(DEVICE, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  if (usable) return { kind: 'device', tcti: `device:${DEVICE}` }
  const software = stack.use(await startTpm({ dir: join(folder, 'tpm') }))
  return { kind: 'software', tcti: software.tcti }
}

/** The example's own configuration, with the addresses that are free here. */
async function adaptConfig(tcti: string, plcPort: number): Promise<string> {
  const document = parseDocument(await readFile(join(EXAMPLE, 'holdfast.yaml'), 'utf8'))
  document.setIn(['master_key', 'tcti'], tcti)
  document.setIn(['listeners', 0, 'tcp'], '127.0.0.1:0')
  document.setIn(['devices', 'plc', 'port'], plcPort)
  return document.toString()
}

/** Starts a program of ours and waits until a line of its output says what is waited for. It is stopped with the stack. */
async function startProgram<T>(
  stack: AsyncDisposableStack,
  words: readonly string[],
  read: (line: string) => T | undefined,
): Promise<T> {
  const program = execa(HOLDFAST, words, {
    reject: false,
    stdin: 'ignore',
    buffer: false,
    stderr: ['pipe', 'inherit'],
  })
  stack.defer(async () => {
    program.kill('SIGTERM')
    await program
  })
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(
    () => reject(new Error(`holdfast ${words[0]} did not start in time`)),
    START_DEADLINE,
  )
  createInterface({ input: program.stdout }).on('line', line => {
    const found = read(line)
    if (found !== undefined) resolve(found)
  })
  program
    .then(({ exitCode }) => reject(new Error(`holdfast ${words[0]} ended with ${exitCode}`)))
    .catch(reject)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}
