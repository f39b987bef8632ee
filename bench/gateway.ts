import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { systemClock } from '../agent/time/system-clock.ts'
import { type AgentAddress, AgentClient, parseAgentAddress } from '../client/agent-client.ts'
import type { Credential } from '../model/credential.ts'
import type { PlantFile } from '../simulator/plant.ts'
import { type SoftwareTpm, startTpm } from '../simulator/tpm.ts'
import { Folder } from './folder.ts'
import { configFor, PLANT } from './plant.ts'
import { HOLDFAST, Program } from './program.ts'

export interface PlcAddress {
  readonly host: string
  readonly port: number
}

/** A running agent and where it takes commands. */
export interface RunningAgent extends AsyncDisposable {
  readonly program: Program
  readonly tcp: AgentAddress
  readonly unix: AgentAddress
}

/** A gateway that is enrolled in a TPM in software and configured for the bench's plant. */
export class Gateway implements AsyncDisposable {
  readonly #folder: string
  readonly #stack: AsyncDisposableStack

  private constructor(folder: string, stack: AsyncDisposableStack) {
    this.#folder = folder
    this.#stack = stack
  }

  /** `more` are devices that no actuator is on. */
  static async enrol(
    plc: PlcAddress | readonly PlcAddress[],
    more: Readonly<Record<string, object>> = {},
  ): Promise<Gateway> {
    await using stack = new AsyncDisposableStack()
    const { path } = stack.use(await Folder.make())
    const tpm: SoftwareTpm = stack.use(await startTpm({ dir: join(path, 'tpm') }))
    const gateway = new Gateway(path, stack.move())
    try {
      await writeFile(gateway.#config, stringify(configFor(tpm.tcti, plc, more)))
      await using enrolment = new Program(HOLDFAST, ['enroll', '--config', gateway.#config])
      await enrolment.done()
      return gateway
    } catch (error) {
      await gateway[Symbol.asyncDispose]()
      throw error
    }
  }

  /**
   * Starts an agent and waits until it says that it is ready. Whoever starts it disposes of it. `holdfast` are the words that run
   * the program: this checkout's unless others are given.
   */
  async startAgent(holdfast: readonly string[] = [HOLDFAST]): Promise<RunningAgent> {
    const [file = HOLDFAST, ...words] = holdfast
    const program = new Program(file, [...words, 'agent', '--config', this.#config])
    try {
      const listening = program.line(({ listener }) => listener === 'lan')
      const ready = program.line(({ event }) => event === 'ready')
      const [{ address }, { troubles }] = await Promise.all([listening, ready])
      if (Array.isArray(troubles) && troubles.length > 0)
        throw new Error(`the agent is ready and not well: ${troubles}`)
      const tcp = parseAgentAddress(String(address))
      if (!tcp) throw new Error(`the agent listens on ${address}`)
      const unix = { kind: 'unix', path: join(this.#folder, 'operator.sock') } as const
      return { program, tcp, unix, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() }
    } catch (error) {
      await program[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Gets a credential from the running agent, for all actuators. */
  async issue(subject: string, role: string): Promise<Credential> {
    const answer = await this.admin.issue({ subject, role, lifetime: '15m', actuators: ['register-*'] })
    if (answer.kind !== 'answered') throw new Error(`no credential for ${subject}: ${JSON.stringify(answer)}`)
    const { keyid, secret } = answer.body as unknown as Credential
    return { keyid, secret }
  }

  /** Whoever may open the admin socket. */
  get admin(): AgentClient {
    return new AgentClient(
      { kind: 'unix', path: join(this.#folder, 'admin.sock') },
      { deadline: 60_000, clock: systemClock, entropy: randomBytes },
    )
  }

  get #config(): string {
    return join(this.#folder, 'holdfast.yaml')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

export type PlantProcess = Program & { readonly plcs: readonly PlcAddress[]; readonly plc: PlcAddress }

/** A plant as a process of its own, so that it takes no time from whoever measures; resolves when every PLC of it listens. */
export async function startPlantProcess(plant: PlantFile = PLANT): Promise<PlantProcess> {
  await using folder = await Folder.make()
  const file = join(folder.path, 'plant.yaml')
  await writeFile(file, stringify(plant, { aliasDuplicateObjects: false }))
  const program = new Program(HOLDFAST, ['simulate', file, '--port', '0', '--json'])
  try {
    const plcs: PlcAddress[] = []
    const count = Object.values(plant.plcs ?? { plc: {} }).reduce(
      (sum, { copies = 1 }: { copies?: number }) => sum + copies,
      0,
    )
    await program.line(({ modbus }) => modbus !== undefined && plcs.push(modbus as PlcAddress) === count)
    const [plc] = plcs
    if (!plc) throw new Error('the plant has no PLC')
    return Object.assign(program, { plcs, plc })
  } catch (error) {
    await program[Symbol.asyncDispose]()
    throw error
  }
}
