import { setTimeout as delay } from 'node:timers/promises'
import { type Figure, figure, type Run } from './figure.ts'
import { Gateway, startPlantProcess } from './gateway.ts'
import { Operator } from './operator.ts'
import { ACTUATORS, actuatorAt } from './plant.ts'
import { NODE, Program } from './program.ts'
import { rateOf, Sample } from './sample.ts'

const ROUNDS = 3
const COMMANDS = 1000
const SETTLE = 1000
const AGAINST = 'a bare Node process that only waits (VmRSS of both)'

/** What the agent's process holds in memory: when it has just become ready, and after commands. */
export async function measureMemory({ signal, progress }: Run): Promise<Figure[]> {
  progress('starting a TPM in software and a plant')
  await using plant = await startPlantProcess()
  await using gateway = await Gateway.enrol(plant.plc)
  const idle: number[] = []
  const used: number[] = []
  const bare: number[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    signal.throwIfAborted()
    progress(`agent ${round} of ${ROUNDS}: idle, then ${COMMANDS} commands`)
    await using waiting = new Program(NODE, ['-e', 'console.log("{}"); setInterval(() => {}, 1e6)'])
    await waiting.line(() => true)
    await using agent = await gateway.startAgent()
    await delay(SETTLE)
    bare.push(await waiting.residentMib())
    idle.push(await agent.program.residentMib())
    using operator = new Operator(agent.tcp, await gateway.issue('olive', 'operator'))
    await rateOf(ACTUATORS, Math.ceil(COMMANDS / ACTUATORS), async (lane, index) => {
      signal.throwIfAborted()
      await operator.command(actuatorAt(lane), index + 1)
    })
    await delay(SETTLE)
    used.push(await agent.program.residentMib())
  }
  const limit = new Sample(bare).median
  const memory = (name: string, values: readonly number[]) => {
    const ours = new Sample(values).median
    return figure({ name, unit: 'MiB', ours, limit, better: 'less', against: AGAINST })
  }
  return [
    memory('memory of the agent, idle', idle),
    memory(`memory of the agent, after ${COMMANDS.toLocaleString('en')} commands`, used),
  ]
}
