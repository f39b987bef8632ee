import { startPlant } from '../simulator/plant.ts'
import { realClock } from '../simulator/real-clock.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Gateway } from './gateway.ts'
import { untilLanded } from './landing.ts'
import { Operator } from './operator.ts'
import { actuatorAt, HIGHEST, plantOf, SAFE } from './plant.ts'
import { RawClient } from './raw-client.ts'
import { Sample } from './sample.ts'

const DEVICES = 64
const TRIPS = 30
/** The register of each PLC that no actuator has. */
const RAW = 1

/** From a trip by hand to the safe values of a trip group with an actuator on each of many devices. */
export async function measurePlantTrips({ signal, progress }: Run): Promise<Figure[]> {
  progress(`starting a TPM in software, ${DEVICES} PLCs and an agent`)
  await using plant = await startPlant({ plant: plantOf(DEVICES) }, { clock: realClock, port: 0 })
  const { plcs } = plant
  await using gateway = await Gateway.enrol(plcs.map(({ address }) => address))
  await using agent = await gateway.startAgent()
  using operator = new Operator(agent.tcp, await gateway.issue('olive', 'operator'))
  using engineer = new Operator(agent.tcp, await gateway.issue('erika', 'engineer'))
  using clients = new DisposableStack()
  const raws = await Promise.all(
    plcs.map(async ({ address }) => clients.use(await RawClient.connect(address))),
  )
  const each = async (work: (actuator: string) => Promise<void>) =>
    await Promise.all(plcs.map((_, index) => work(actuatorAt(index))))

  progress(`${TRIPS} trips of all of them, each reset by an engineer`)
  const trips: number[] = []
  const writes: number[] = []
  for (let count = 1; count <= TRIPS; count += 1) {
    signal.throwIfAborted()
    await each(actuator => operator.command(actuator, HIGHEST))
    const allSafe = each(async id => {
      await agent.program.line(({ event, actuator }) => event === 'trip-safe' && actuator === id)
    })
    allSafe.catch(() => {})
    const landings = plcs.map(plc => ({ plc, register: 0, value: SAFE }))
    trips.push(await untilLanded(landings, () => operator.trip(actuatorAt(0))))
    await allSafe
    await each(actuator => engineer.reset(actuator))
    const own = plcs.map(plc => ({ plc, register: RAW, value: count % 2 }))
    writes.push(await untilLanded(own, () => Promise.all(raws.map(raw => raw.write(RAW, count % 2)))))
  }
  const ours = new Sample(trips)
  return [
    figure({
      name: `a trip by hand to the safe values in all of ${DEVICES} PLCs`,
      unit: 'ms',
      ours: ours.median,
      limit: new Sample(writes).median,
      better: 'less',
      against: `${DEVICES} raw writes at once by as many modbus-serial clients, from the call until the last value is in its PLC; p50 against p50`,
      p50: ours.median,
      p99: ours.percentile(99),
      also: { first: trips[0] ?? Number.NaN, worst: ours.percentile(100) },
    }),
  ]
}
