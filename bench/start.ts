import { startPlant } from '../simulator/plant.ts'
import { realClock } from '../simulator/real-clock.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Gateway } from './gateway.ts'
import { PLANT } from './plant.ts'
import { NODE, Program } from './program.ts'
import { interleave } from './sample.ts'

const STARTS = 5

/** From starting the process to its word that it is ready: keys derived in the TPM, log and device open, listening. */
export async function measureStart({ signal, progress }: Run): Promise<Figure[]> {
  progress('starting a TPM in software and a plant')
  await using plant = await startPlant({ plant: PLANT }, { clock: realClock, port: 0 })
  await using gateway = await Gateway.enrol(plant.address)

  progress(`${STARTS} starts`)
  const { agent, bare } = await interleave(
    STARTS,
    {
      agent: async () => {
        const began = performance.now()
        await using _agent = await gateway.startAgent()
        return [performance.now() - began]
      },
      bare: async () => {
        const began = performance.now()
        await using program = new Program(NODE, ['-e', '0'])
        await program.done()
        return [performance.now() - began]
      },
    },
    signal,
  )
  return [
    figure({
      name: 'start of the agent until it is ready',
      unit: 'ms',
      ours: agent.median,
      limit: bare.median,
      better: 'less',
      against:
        'a bare `node -e 0`, from start to end. The TPM is one in software: a real one answers more slowly',
      also: { fastest: agent.percentile(0), slowest: agent.percentile(100) },
    }),
  ]
}
