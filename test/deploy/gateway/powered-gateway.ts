import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { AgentClient, parseAgentAddress } from '../../../client/agent-client.ts'
import type { Credential } from '../../../model/credential.ts'
import { type Plant, startPlant } from '../../../simulator/plant.ts'
import { realClock } from '../../../simulator/real-clock.ts'
import { ROOT } from '../../agent/gateway.ts'
import { machineFolder } from './ability.ts'
import { makePackage } from './package.ts'
import { VirtualMachine } from './virtual-machine.ts'

const PLANT = join(ROOT, 'examples/water-treatment/plant.yaml')
/** Signatures are made a little ahead: the machine's clock is not quite ours, and those from before the agent's start move nothing. */
const AHEAD = 3000
const ANSWER_MS = 60_000

/** A virtual machine with the package on its disk, and the plant that it is the gateway of, which knows nothing of its power cuts. */
export class PoweredGateway implements AsyncDisposable {
  readonly machine: VirtualMachine
  readonly plant: Plant
  /** What was said when the package was installed. */
  readonly installing: string
  readonly #stack: AsyncDisposableStack

  private constructor(
    machine: VirtualMachine,
    plant: Plant,
    installing: string,
    stack: AsyncDisposableStack,
  ) {
    this.machine = machine
    this.plant = plant
    this.installing = installing
    this.#stack = stack
  }

  static async make(): Promise<PoweredGateway> {
    await using stack = new AsyncDisposableStack()
    const plant = stack.use(await startPlant({ file: PLANT }, { clock: realClock, port: 0 }))
    const out = machineFolder('holdfast-deb')
    stack.defer(() => rmSync(out, { recursive: true }))
    const { deb } = await makePackage(out)
    const { machine, installing } = await VirtualMachine.make(deb)
    stack.use(machine)
    return new PoweredGateway(machine, plant, installing, stack.move())
  }

  /** The configuration of this gateway. */
  get config(): string {
    const text = readFileSync(join(import.meta.dirname, 'powered.yaml'), 'utf8')
    return text.replace('port: 15020', `port: ${this.plant.address.port}`)
  }

  async putConfig(text: string): Promise<void> {
    await this.machine.tell(text, 'sh', '-c', 'cat >/etc/holdfast/holdfast.yaml')
  }

  /** What `/readyz` says, asked from the operators' network: its status, or undefined when nobody is there. */
  async readiness(): Promise<number | undefined> {
    const answer = await fetch(`${this.machine.address}/readyz`, {
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch(() => undefined)
    await answer?.body?.cancel()
    return answer?.status
  }

  async isReady(): Promise<void> {
    await this.machine.until('the agent is ready', async () => (await this.readiness()) === 200)
  }

  /** Issues a credential on the gateway, and takes it to where operators are. */
  async issue(subject: string, role: string): Promise<Credential> {
    const out = `/root/${subject}`
    return JSON.parse(
      await this.machine.shell(
        `holdfast credential issue --subject ${subject} --role ${role} --lifetime 8h --out ${out} >&2; cat ${out}`,
      ),
    ) as Credential
  }

  /** Speaks to the agent from outside. The machine's port is another one each time that it is switched on. */
  client(credential: Credential): AgentClient {
    const address = parseAgentAddress(this.machine.address)
    if (!address) throw new TypeError(`no address: ${this.machine.address}`)
    return new AgentClient(address, {
      credential,
      deadline: ANSWER_MS,
      clock: { wall: () => systemClock.wall() + AHEAD },
      entropy: randomBytes,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
