import { randomBytes } from 'node:crypto'
import { startPlant } from '../simulator/plant.ts'
import { realClock } from '../simulator/real-clock.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { startFlood } from './flood.ts'
import { Gateway } from './gateway.ts'
import { untilLanded } from './landing.ts'
import { Operator } from './operator.ts'
import { ACTUATORS, actuatorAt, HIGHEST, PLANT, SAFE } from './plant.ts'
import { RawClient } from './raw-client.ts'
import { Sample } from './sample.ts'

const TRIPS = 200
const FORGERIES = 5
const ACTUATOR = actuatorAt(0)
/** What the flood aims at: it is tripped at once, and stays so. */
const FLOODED = actuatorAt(ACTUATORS - 1)

const AGAINST =
  'one raw write by the same modbus-serial client, from the call until the value is in the same PLC, in turn with the trips; p50 against p50, p99 against p99'

/** From sending the fifth forged command to the safe value in the PLC's register, as the PLC itself sees it. */
export async function measureTrips({ signal, progress }: Run): Promise<Figure[]> {
  progress('starting a TPM in software, a plant and an agent')
  await using plant = await startPlant({ plant: PLANT }, { clock: realClock, port: 0 })
  await using gateway = await Gateway.enrol(plant.address)
  await using agent = await gateway.startAgent()
  const credential = await gateway.issue('olive', 'operator')
  using operator = new Operator(agent.tcp, credential)
  using engineer = new Operator(agent.tcp, await gateway.issue('erika', 'engineer'))
  using forger = new Operator(agent.tcp, {
    keyid: credential.keyid,
    secret: randomBytes(32).toString('base64url'),
  })
  using raw = await RawClient.connect(plant.address)
  const forgery = () => forger.prepare(`/v1/actuators/${ACTUATOR}/commands`, { setpoint: HIGHEST })

  const measure = async (when: string): Promise<Figure[]> => {
    const trips: number[] = []
    const writes: number[] = []
    for (let count = 1; count <= TRIPS; count += 1) {
      signal.throwIfAborted()
      await operator.command(ACTUATOR, HIGHEST)
      const safe = agent.program.line(({ event, actuator }) => event === 'trip-safe' && actuator === ACTUATOR)
      // A forgery that fails is told first; that no trip then follows is no news.
      safe.catch(() => {})
      for (let forged = 1; forged < FORGERIES; forged += 1) await forger.forge(forgery())
      const last = forgery()
      const landing = { plc: plant, register: 0, value: SAFE }
      trips.push(await untilLanded([landing], () => forger.forge(last)))
      await safe
      await engineer.reset(ACTUATOR)
      const own = { plc: plant, register: ACTUATORS, value: count % 2 }
      writes.push(await untilLanded([own], () => raw.write(ACTUATORS, count % 2)))
    }
    return figures(when, trips, writes)
  }

  progress(`${TRIPS} trips, each reset by an engineer`)
  const idle = await measure('')
  progress('the same under a flood of forged requests')
  await using _flood = await startFlood(agent.tcp, credential.keyid, FLOODED, HIGHEST)
  return [...idle, ...(await measure(' under a flood of forgeries'))]
}

function figures(when: string, trips: readonly number[], writes: readonly number[]): Figure[] {
  const ours = new Sample(trips)
  const limit = new Sample(writes)
  return [50, 99].map(percent =>
    figure({
      name: `fifth forgery to the safe value in the PLC${when}, p${percent}`,
      unit: 'ms',
      ours: ours.percentile(percent),
      limit: limit.percentile(percent),
      better: 'less',
      against: AGAINST,
      p50: ours.median,
      p99: ours.percentile(99),
      also: { first: trips[0] ?? Number.NaN, worst: ours.percentile(100) },
    }),
  )
}
