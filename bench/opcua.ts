import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../agent/time/system-clock.ts'
import { OpcUaDriver } from '../drivers/opcua/driver.ts'
import { OpcUaLink } from '../drivers/opcua/link.ts'
import type { OpcUaPoint } from '../drivers/opcua/point.ts'
import { foreignSite } from '../test/drivers/opcua/foreign-site.ts'
import { NAMESPACE } from '../test/drivers/opcua/server.ts'
import { BareOpcUa } from './bare-opcua.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Gateway, startPlantProcess } from './gateway.ts'
import { interleave, Sample, timeEach } from './sample.ts'

const DEADLINE = 10_000
const WARM_UP = 300
const TURN = 50
const TURNS = 20
const TOLD = 100
const SETTLE = 3000
const MANY = 64
/** How often the server of the third figure looks, and tells. */
const LOOK_EVERY = 50

const BARE = 'node-opcua-client by itself, on the same server of open62541 with the same security'

/** The OPC UA driver by itself, and what it costs an agent to have it. */
export async function measureOpcUa(run: Run): Promise<Figure[]> {
  run.progress('compiling and starting a server of open62541')
  await using site = await foreignSite()
  return [...(await measureClient(run, site)), ...(await measureAgents(run, site))]
}

type Site = Awaited<ReturnType<typeof foreignSite>>

async function measureClient({ signal, progress }: Run, { endpoint, server }: Site): Promise<Figure[]> {
  const direct = { ...endpoint, url: `opc.tcp://127.0.0.1:${server.port}` }
  const link = new OpcUaLink(direct, DEADLINE, systemClock, () => 0)
  await link.attempted
  const node = { namespace: NAMESPACE, identifier: 's=Valve.Out' }
  const out: OpcUaPoint = { protocol: 'opcua', node, dataType: 'Double', scale: 1, offset: 0 }
  await using driver = new OpcUaDriver(link, new Map([['out', out]]), systemClock)
  await using bare = await BareOpcUa.connect(direct, 's=Valve.Out')
  let drawn = 0
  const draw = () => {
    drawn = (drawn % 100) + 1
    return drawn
  }
  const write = async (value: number) => {
    const written = await driver.write('out', value, DEADLINE)
    if (written.kind !== 'accepted') throw new Error(JSON.stringify(written))
  }
  const writeAndRead = async () => {
    const value = draw()
    await write(value)
    const read = await driver.read('out', DEADLINE)
    if (read.kind !== 'value' || read.value !== value) throw new Error(JSON.stringify(read))
  }
  progress('write and read-back')
  await timeEach(WARM_UP, writeAndRead)
  await timeEach(WARM_UP, () => bare.writeAndRead(draw()))
  const single = await interleave(
    TURNS,
    { ours: () => timeEach(TURN, writeAndRead), bare: () => timeEach(TURN, () => bare.writeAndRead(draw())) },
    signal,
  )
  progress(`a write, until a subscription that looks every ${LOOK_EVERY} ms tells of it`)
  const watch = driver.watch(new Map([['out', { every: LOOK_EVERY, staleAfter: DEADLINE }]]))
  await watch.describe(signal)
  const told = await timeEach(TOLD, async () => {
    const value = draw()
    await write(value)
    for (;;) {
      const seen = await watch.read('out', DEADLINE)
      // What was read and not told is younger than the server's own looking.
      if (seen.kind === 'value' && seen.value === value && seen.age >= LOOK_EVERY) return
      await delay(1)
    }
  })
  const sample = new Sample(told)
  return [
    figure({
      name: 'opcua: write and read-back of one node',
      unit: 'ms',
      ours: single.ours.median,
      limit: single.bare.median,
      better: 'less',
      against: BARE,
      p50: single.ours.median,
      p99: single.ours.percentile(99),
      also: { limit_p99: single.bare.percentile(99) },
    }),
    figure({
      name: `opcua: write, until a subscription of ${LOOK_EVERY} ms tells of it (readings; not what confirms a command)`,
      unit: 'ms',
      ours: sample.median,
      limit: single.ours.median,
      better: 'less',
      against: 'the same, read back: what confirms a command',
      p50: sample.median,
      p99: sample.percentile(99),
    }),
  ]
}

/** What the agent holds in memory with no, one and many devices that speak OPC UA. */
async function measureAgents({ signal, progress }: Run, { endpoint, server }: Site): Promise<Figure[]> {
  await using plant = await startPlantProcess()
  const device = {
    protocol: 'opcua',
    endpoint: `opc.tcp://127.0.0.1:${server.port}`,
    security_policy: endpoint.securityPolicy,
    certificate: endpoint.certificate,
    key: endpoint.key,
    trusted_servers: endpoint.trusted,
  }
  const held: number[] = []
  for (const count of [0, 1, MANY]) {
    signal.throwIfAborted()
    progress(`memory of an agent with ${count} OPC UA devices`)
    const devices = Object.fromEntries(Array.from({ length: count }, (_, index) => [`ua-${index}`, device]))
    await using gateway = await Gateway.enrol(plant.plc, devices)
    await using agent = await gateway.startAgent()
    await delay(SETTLE)
    held.push(await agent.program.residentMib())
  }
  const [without = Number.NaN, ...more] = held
  return more.map((ours, index) =>
    figure({
      name: `opcua: memory of the agent, idle, with ${[1, MANY][index]} session${index === 0 ? '' : 's'}`,
      unit: 'MiB',
      ours,
      limit: without,
      better: 'less',
      against: 'the same agent without a device that speaks OPC UA (VmRSS)',
    }),
  )
}
