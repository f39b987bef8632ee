import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parse } from 'yaml'
import type { PlantFile } from '../simulator/plant.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Gateway, startPlantProcess } from './gateway.ts'
import { Operator } from './operator.ts'
import { ACTUATORS, actuatorAt, plantOf } from './plant.ts'
import { NODE, Program } from './program.ts'
import { rateOf, Sample } from './sample.ts'

const ROUNDS = 3
const COMMANDS = 1000
const DEVICES = 64
const SETTLE = 1000
/** A simulator's first seconds are those of its certificate and its library. */
const SIMULATOR_SETTLE = 3000
const EXAMPLES = ['water-treatment', 'pumping-station', 'cooling-loop', 'dairy']
const AGAINST = 'a bare Node process that only waits (VmRSS of both)'

/** What processes hold in memory: the agent when it has just become ready, after commands and with many devices; the simulator. */
export async function measureMemory(run: Run): Promise<Figure[]> {
  run.progress('starting a TPM in software and a plant')
  const bare = await heldByBareNode()
  const memory = (name: string, values: readonly number[], also?: Record<string, number>) =>
    figure({
      name,
      unit: 'MiB',
      ours: new Sample(values).median,
      limit: bare,
      better: 'less',
      against: AGAINST,
      ...(also && { also }),
    })
  const { idle, used, many } = await measureAgents(run)
  const simulators = await measureSimulators(run)
  return [
    memory('memory of the agent, idle', idle),
    memory(`memory of the agent, after ${COMMANDS.toLocaleString('en')} commands`, used),
    memory(`memory of the agent, idle, with ${DEVICES} Modbus devices`, many),
    ...Object.entries(simulators).map(([of, held]) =>
      memory(`memory of the simulator, idle, ${of}`, Object.values(held), held),
    ),
  ]
}

async function heldByBareNode(): Promise<number> {
  const held: number[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    await using waiting = new Program(NODE, ['-e', 'console.log("{}"); setInterval(() => {}, 1e6)'])
    await waiting.line(() => true)
    await delay(SETTLE)
    held.push(await waiting.residentMib())
  }
  return new Sample(held).median
}

async function measureAgents({ signal, progress }: Run): Promise<Record<'idle' | 'used' | 'many', number[]>> {
  await using plant = await startPlantProcess()
  await using gateway = await Gateway.enrol(plant.plc)
  await using plants = await startPlantProcess(plantOf(DEVICES))
  await using wide = await Gateway.enrol(plants.plcs)
  const held = { idle: [] as number[], used: [] as number[], many: [] as number[] }
  for (let round = 1; round <= ROUNDS; round += 1) {
    signal.throwIfAborted()
    progress(`agent ${round} of ${ROUNDS}: idle, then ${COMMANDS} commands; then one with ${DEVICES} devices`)
    {
      await using agent = await gateway.startAgent()
      await delay(SETTLE)
      held.idle.push(await agent.program.residentMib())
      using operator = new Operator(agent.tcp, await gateway.issue('olive', 'operator'))
      await rateOf(ACTUATORS, Math.ceil(COMMANDS / ACTUATORS), async (lane, index) => {
        signal.throwIfAborted()
        await operator.command(actuatorAt(lane), index + 1)
      })
      await delay(SETTLE)
      held.used.push(await agent.program.residentMib())
    }
    await using agent = await wide.startAgent()
    await delay(SETTLE)
    held.many.push(await agent.program.residentMib())
  }
  return held
}

/** Of each kind, every plant by its name. */
async function measureSimulators({ signal, progress }: Run): Promise<Record<string, Record<string, number>>> {
  const held: Record<string, Record<string, number>> = {}
  const measure = async (kind: string, name: string, plant: PlantFile) => {
    signal.throwIfAborted()
    progress(`the simulator, ${kind}: ${name}`)
    await using program = await startPlantProcess(plant)
    await delay(SIMULATOR_SETTLE)
    held[kind] = { ...held[kind], [name]: await program.residentMib() }
  }
  for (const name of EXAMPLES) {
    const path = join(import.meta.dirname, '..', 'examples', name, 'plant.yaml')
    const plant = parse(await readFile(path, 'utf8')) as PlantFile
    await measure('an example plant over Modbus', name, withOpcUa(plant, undefined))
    await measure(
      'an example plant over Modbus and OPC UA',
      name,
      withOpcUa(plant, { port: 0, trust_every_client: true }),
    )
  }
  await measure(`${DEVICES} PLCs over Modbus`, 'bench', plantOf(DEVICES))
  return held
}

type OpcUa = NonNullable<NonNullable<PlantFile['plc']>['opcua']>

/** A plant whose every PLC serves OPC UA like this, or not at all. */
function withOpcUa({ plc, plcs = {}, ...plant }: PlantFile, opcua: OpcUa | undefined): PlantFile {
  const served = plc ? { plc } : plcs
  const all = Object.entries(served).map(([name, { opcua: _, ...one }]) => [
    name,
    { ...one, ...(opcua && { opcua }) },
  ])
  return { ...plant, plcs: Object.fromEntries(all) } as PlantFile
}
