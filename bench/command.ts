import { Block } from './block.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Gateway, startPlantProcess } from './gateway.ts'
import { Operator } from './operator.ts'
import { ACTUATORS, actuatorAt, HIGHEST } from './plant.ts'
import { RawClient } from './raw-client.ts'
import { interleave, rateOf, type Sample, timeEach } from './sample.ts'

const WARM_UP = 300
const TURN = 25
const TURNS = 32
const LANE_TURN = 20
const LANE_TURNS = 12

const RAW =
  'write + read-back of one register by the same modbus-serial client on the same PLC: no HTTP, no signature, no check, no record. The feedback is the register itself, so there is no physics in either'
const DURABLE =
  'the same write + read-back between two fdatasyncs of one block: what anything costs that records an intention before it and an outcome after it'

/** A signed, durably recorded, read-back command, end to end: signed by its sender, over HTTP, with both records on disk. */
export async function measureCommands({ signal, progress }: Run): Promise<Figure[]> {
  progress('starting a TPM in software, a plant and an agent')
  await using plant = await startPlantProcess()
  await using gateway = await Gateway.enrol(plant.plc)
  await using agent = await gateway.startAgent()
  const credential = await gateway.issue('olive', 'operator')
  using tcp = new Operator(agent.tcp, credential)
  using unix = new Operator(agent.unix, credential)
  using raw = await RawClient.connect(plant.plc)
  await using block = await Block.make()

  let drawn = 0
  const next = () => {
    drawn = (drawn % HIGHEST) + 1
    return drawn
  }
  const over = (operator: Operator) => (register: number) => operator.command(actuatorAt(register), next())
  const bare = (register: number) => raw.writeAndReadBack(ACTUATORS + register, next())

  const durable = async (register: number) => {
    await block.keep()
    await bare(register)
    await block.keep()
  }

  progress('one command at a time')
  const alone = (work: (register: number) => Promise<void>) => () => timeEach(TURN, () => work(0))
  await timeEach(WARM_UP, async () => {
    for (const work of [over(tcp), over(unix), bare, durable]) await work(0)
    signal.throwIfAborted()
  })
  const latency = await interleave(
    TURNS,
    { tcp: alone(over(tcp)), unix: alone(over(unix)), raw: alone(bare), durable: alone(durable) },
    signal,
  )

  progress(`${ACTUATORS} commands in flight`)
  const together = (work: (register: number) => Promise<void>) => async () => [
    await rateOf(ACTUATORS, LANE_TURN, lane => work(lane)),
  ]
  for (const work of [over(tcp), over(unix), bare]) await together(work)()
  const rate = await interleave(
    LANE_TURNS,
    { tcp: together(over(tcp)), unix: together(over(unix)), raw: together(bare) },
    signal,
  )
  return [
    latencyFigure('command over HTTP on TCP, alone', latency.tcp, latency.raw, RAW),
    latencyFigure(
      'command over HTTP on TCP, alone, against a durable limit',
      latency.tcp,
      latency.durable,
      DURABLE,
    ),
    latencyFigure('command over HTTP on a unix socket, alone', latency.unix, latency.raw, RAW),
    rateFigure(`commands over HTTP on TCP, ${ACTUATORS} in flight`, rate.tcp, rate.raw),
    rateFigure(`commands over HTTP on a unix socket, ${ACTUATORS} in flight`, rate.unix, rate.raw),
  ]
}

function latencyFigure(name: string, ours: Sample, limit: Sample, against: string): Figure {
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

function rateFigure(name: string, ours: Sample, limit: Sample): Figure {
  return figure({
    name,
    unit: '1/s',
    ours: ours.median,
    limit: limit.median,
    better: 'more',
    against: `${RAW}; on one connection, as many in flight`,
  })
}
