import { systemClock } from '../agent/time/system-clock.ts'
import { ModbusDriver } from '../drivers/modbus/driver.ts'
import { ModbusLink } from '../drivers/modbus/link.ts'
import type { NumberPoint } from '../drivers/modbus/point.ts'
import { tcpWay } from '../drivers/modbus/tcp.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Folder } from './folder.ts'
import { type PlcAddress, startPlantProcess } from './gateway.ts'
import { LibmodbusClient } from './libmodbus.ts'
import { plantOf, plantWith } from './plant.ts'
import { RawClient } from './raw-client.ts'
import { interleave, rateOf, type Sample, timeEach } from './sample.ts'

const POINTS = 1000
const REGISTER = 30
const WARM_UP = 500
const TURN = 100
const TURNS = 20
const POLLS = 25
/** What a device has unless its configuration says otherwise. */
const DEADLINE = 1000
const DEVICES = 64
const EACH = 20

/** The registers of a PLC of many: the driver's, and modbus-serial's. */
const OURS = 0
const THEIRS = 1

const RAW = `the same by modbus-serial ${RawClient.version} (no deadline but its own, no look at what is confirmed)`
const SERVER = `the simulator's Modbus TCP server, in a process of its own on this machine`

/** The Modbus driver by itself, without the agent around it. */
export async function measureDriver({ signal, progress }: Run): Promise<Figure[]> {
  progress("compiling libmodbus's client and starting a plant")
  await using folder = await Folder.make()
  await using plant = await startPlantProcess(plantWith(POINTS))
  const libmodbus = await LibmodbusClient.compile(folder.path, plant.plc)
  using raw = await RawClient.connect(plant.plc)
  const options = { inFlight: 1, units: 1 }
  await using link = new ModbusLink(tcpWay(plant.plc), options, systemClock, () => 0)
  await using pipelined = new ModbusLink(tcpWay(plant.plc), { ...options, inFlight: 8 }, systemClock, () => 0)
  await Promise.all([link.attempted, pipelined.attempted])
  const driver = driverOn(link)
  const eager = driverOn(pipelined)

  let drawn = 0
  const writeAndRead = async () => {
    drawn = (drawn % POINTS) + 1
    await writeAndReadBack(driver, REGISTER, drawn)
  }
  const poll = async (asked: ModbusDriver) => {
    const readings = await Promise.all(
      Array.from({ length: POINTS }, (_, address) => asked.read(String(address), DEADLINE)),
    )
    const failed = readings.find(({ kind }) => kind === 'failed')
    if (failed) throw new Error(JSON.stringify(failed))
  }

  progress('write and read-back')
  await timeEach(WARM_UP, writeAndRead)
  await timeEach(WARM_UP, () => raw.writeAndReadBack(REGISTER, 1))
  const single = await interleave(
    TURNS,
    {
      ours: () => timeEach(TURN, writeAndRead),
      raw: () => timeEach(TURN, index => raw.writeAndReadBack(REGISTER, 1 + index)),
      libmodbus: () => libmodbus.time('write-and-read', TURN),
    },
    signal,
  )
  progress(`a poll of ${POINTS} points`)
  await timeEach(POLLS, () => poll(driver))
  await timeEach(POLLS, () => poll(eager))
  const polls = await interleave(
    TURNS,
    {
      ours: () => timeEach(POLLS, () => poll(driver)),
      eager: () => timeEach(POLLS, () => poll(eager)),
      libmodbus: () => libmodbus.time('poll', POLLS),
    },
    signal,
  )
  progress(`starting ${DEVICES} PLCs, and all of them at once`)
  await using plcs = await startPlantProcess(plantOf(DEVICES))
  const many = await manyDevices(plcs.plcs, signal)
  const against = `libmodbus ${libmodbus.version} in C, over a connection of its own to the same PLC of ${SERVER}`
  return [
    latency('driver: write and read-back of one register', single.ours, single.libmodbus, against),
    latency(`driver: poll of ${POINTS} points, one request at a time`, polls.ours, polls.libmodbus, against),
    latency(`driver: poll of ${POINTS} points, 8 requests in flight`, polls.eager, polls.libmodbus, against),
    figure({
      name: 'driver: write and read-back, beside modbus-serial',
      unit: 'ms',
      ours: single.ours.median,
      limit: single.raw.median,
      better: 'less',
      against: `${RAW}, over a connection of its own to the same PLC of ${SERVER}`,
      p50: single.ours.median,
      p99: single.ours.percentile(99),
      also: { limit_p99: single.raw.percentile(99) },
    }),
    figure({
      name: `driver: write and read-back in each of ${DEVICES} PLCs at once`,
      unit: '1/s',
      ours: many.ours.median,
      limit: many.raw.median,
      better: 'more',
      against: `${RAW}, over as many connections to the same PLCs of ${SERVER}`,
    }),
  ]
}

/** Write and read-back in each of many PLCs, over a connection of its own to each, as often as it goes in a second. */
async function manyDevices(
  plcs: readonly PlcAddress[],
  signal: AbortSignal,
): Promise<Record<'ours' | 'raw', Sample>> {
  await using stack = new AsyncDisposableStack()
  const options = { inFlight: 1, units: 1 }
  const links = plcs.map(plc => stack.use(new ModbusLink(tcpWay(plc), options, systemClock, () => 0)))
  await Promise.all(links.map(link => link.attempted))
  const drivers = links.map(driverOn)
  const raws = await Promise.all(plcs.map(async plc => stack.use(await RawClient.connect(plc))))
  const ours = async (lane: number, index: number) => {
    const driver = drivers[lane]
    if (!driver) throw new RangeError(`there is no lane ${lane}`)
    await writeAndReadBack(driver, OURS, 1 + index)
  }
  const raw = async (lane: number, index: number) => await raws[lane]?.writeAndReadBack(THEIRS, 1 + index)
  for (const work of [ours, raw]) await rateOf(DEVICES, EACH, work)
  return await interleave(
    TURNS,
    {
      ours: async () => [await rateOf(DEVICES, EACH, ours)],
      raw: async () => [await rateOf(DEVICES, EACH, raw)],
    },
    signal,
  )
}

async function writeAndReadBack(driver: ModbusDriver, register: number, value: number): Promise<void> {
  const written = await driver.write(String(register), value, DEADLINE)
  const read = await driver.read(String(register), DEADLINE)
  if (written.kind !== 'accepted' || read.kind !== 'value' || read.value !== value)
    throw new Error(`register ${register}: ${JSON.stringify({ written, read })}`)
}

function driverOn(link: ModbusLink): ModbusDriver {
  const point = (address: number): NumberPoint => ({
    table: 'holding-register',
    address,
    type: 'uint16',
    byteOrder: 'big',
    wordOrder: 'big',
    scale: 1,
    offset: 0,
    writeFunction: 6,
  })
  const points = new Map(Array.from({ length: POINTS }, (_, address) => [String(address), point(address)]))
  const limits = { registersMax: 125, bitsMax: 2000, gap: 0 }
  return new ModbusDriver(
    link,
    { unit: 1, limits, timeout: DEADLINE, turnWithin: 0, safe: new Map() },
    points,
    systemClock,
  )
}

function latency(name: string, ours: Sample, limit: Sample, against: string): Figure {
  return figure({
    name,
    unit: 'ms',
    ours: ours.median,
    limit: limit.median,
    better: 'less',
    against,
    p50: ours.median,
    p99: ours.percentile(99),
    also: { limit_p99: limit.percentile(99) },
  })
}
