import { globSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { startPlant } from '../simulator/plant.ts'
import { realClock } from '../simulator/real-clock.ts'
import { type Figure, figure, type Run } from './figure.ts'
import { Folder } from './folder.ts'
import { Gateway, startPlantProcess } from './gateway.ts'
import { Operator } from './operator.ts'
import { ACTUATORS, actuatorAt, HIGHEST, plantOf } from './plant.ts'
import { HOLDFAST, NODE, Program } from './program.ts'
import { interleave, rateOf, Sample, timeEach } from './sample.ts'

const ROOT = join(import.meta.dirname, '..')
const STARTS = 15
const ROUNDS = 3
const DEVICES = 64
const WARM_UP = 400
const TURN = 25
const TURNS = 8
const LANE_TURN = 20
const LANE_TURNS = 4
const SETTLE = 1000
const MIB = 1024 * 1024

const WITHOUT = 'the same package as it is installed, where V8 compiles (no --jitless)'
const AFRESH = 'the same package as it is installed, where V8 compiles at every start'
const CHECKOUT =
  'a checkout, whose sources are stripped of their types and kept compiled after the first start'

/** What the package costs: on the disk, at a start (also if it kept what V8 compiles: decisions/0017), and under `--jitless`, which MemoryDenyWriteExecute needs. */
export async function measurePackage({ signal, progress }: Run): Promise<Figure[]> {
  progress('building the package, without compression')
  await using folder = await Folder.make()
  const words = ['deploy/package/main.ts', '--compression', 'none', '--out', folder.path]
  await execa(NODE, words, { cwd: ROOT, stdin: 'ignore' })
  const [archive = ''] = globSync('*.tar', { cwd: folder.path })
  await execa('tar', ['-xf', archive], { cwd: folder.path })
  const library = join(folder.path, archive.replace(/\.tar$/, ''), 'lib/holdfast')
  const packaged = (...flags: string[]) => [
    join(library, 'bin/node'),
    ...flags,
    join(library, 'bin/holdfast.js'),
  ]
  const compiled = packaged()
  const jitless = packaged('--jitless')
  const kept = ['/usr/bin/env', `NODE_COMPILE_CACHE=${join(folder.path, 'compiled')}`, ...compiled]

  progress('starting a TPM in software and a plant')
  await using plant = await startPlantProcess()
  await using gateway = await Gateway.enrol(plant.plc)

  progress(`${STARTS} starts of each`)
  const worked: Record<'compiled' | 'kept' | 'jitless' | 'checkout', number[]> = {
    compiled: [],
    kept: [],
    jitless: [],
    checkout: [],
  }
  const start = (side: keyof typeof worked, holdfast: readonly string[]) => async () => {
    const began = performance.now()
    await using agent = await gateway.startAgent(holdfast)
    const took = performance.now() - began
    worked[side].push(await agent.program.processorMs())
    return [took]
  }
  // What a start compiled is kept when it ends.
  await (await gateway.startAgent(kept))[Symbol.asyncDispose]()
  const starts = await interleave(
    STARTS,
    {
      compiled: start('compiled', compiled),
      kept: start('kept', kept),
      jitless: start('jitless', jitless),
      checkout: start('checkout', [HOLDFAST]),
      bare: bareStart,
    },
    signal,
  )
  const work = (side: keyof typeof worked) => new Sample(worked[side]).median

  progress('commands and memory, with and without a compiler')
  // By turns, so that what else this machine does falls on both.
  const withCompiler: Measured[] = []
  const without: Measured[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    withCompiler.push(await measureCommands(gateway, compiled, signal))
    without.push(await measureCommands(gateway, jitless, signal))
  }
  const ours = joined(without)
  const limit = joined(withCompiler)
  progress(`memory with ${DEVICES} devices`)
  const many = await memoryOfMany(compiled)

  const against = (
    name: string,
    unit: string,
    of: (side: typeof ours) => number,
    better: 'less' | 'more' = 'less',
  ) => figure({ name, unit, ours: of(ours), limit: of(limit), better, against: WITHOUT })
  return [
    figure({
      name: 'size of the installed program',
      unit: 'MiB',
      ours: sizeOf(library),
      limit: lstatSync(join(library, 'bin/node')).size / MIB,
      better: 'less',
      against: 'the Node runtime in it, alone',
    }),
    startFigure('start of the package until it is ready', starts.compiled, starts.checkout, CHECKOUT),
    figure({
      name: 'processor time of that start',
      unit: 'ms',
      ours: work('compiled'),
      limit: work('checkout'),
      better: 'less',
      against: CHECKOUT,
    }),
    startFigure('start with what V8 compiled kept from another', starts.kept, starts.compiled, AFRESH),
    figure({
      name: 'processor time of a start with what V8 compiled kept',
      unit: 'ms',
      ours: work('kept'),
      limit: work('compiled'),
      better: 'less',
      against: AFRESH,
    }),
    startFigure(
      'start of the package, against Node',
      starts.compiled,
      starts.bare,
      'a bare `node -e 0`, from start to end',
    ),
    figure({
      name: `memory of the package, idle, with ${DEVICES} devices`,
      unit: 'MiB',
      ours: many,
      limit: limit.idle,
      better: 'less',
      against: 'the same with one device',
    }),
    startFigure('start without a compiler', starts.jitless, starts.compiled, WITHOUT),
    figure({
      name: 'processor time of a start without a compiler',
      unit: 'ms',
      ours: work('jitless'),
      limit: work('compiled'),
      better: 'less',
      against: WITHOUT,
    }),
    figure({
      name: 'command over HTTP, alone, without a compiler',
      unit: 'ms',
      ours: ours.latency.median,
      limit: limit.latency.median,
      better: 'less',
      against: WITHOUT,
      p50: ours.latency.median,
      p99: ours.latency.percentile(99),
      also: { limit_p99: limit.latency.percentile(99) },
    }),
    against('processor time of a command, without a compiler', 'ms', side => side.work),
    against(
      `commands over HTTP, ${ACTUATORS} in flight, without a compiler`,
      '1/s',
      side => side.rate.median,
      'more',
    ),
    against('memory, idle, without a compiler', 'MiB', side => side.idle),
    against('memory after commands, without a compiler', 'MiB', side => side.used),
  ]
}

interface Measured {
  readonly latency: readonly number[]
  readonly rate: readonly number[]
  /** Processor time of a command, in milliseconds. */
  readonly work: number
  readonly idle: number
  readonly used: number
}

/** The rounds of one side, as one sample of each. */
function joined(rounds: readonly Measured[]) {
  return {
    latency: new Sample(rounds.flatMap(({ latency }) => latency)),
    rate: new Sample(rounds.flatMap(({ rate }) => rate)),
    work: new Sample(rounds.map(({ work }) => work)).median,
    idle: new Sample(rounds.map(({ idle }) => idle)).median,
    used: new Sample(rounds.map(({ used }) => used)).median,
  }
}

async function measureCommands(
  gateway: Gateway,
  holdfast: readonly string[],
  signal: AbortSignal,
): Promise<Measured> {
  await using agent = await gateway.startAgent(holdfast)
  await delay(SETTLE)
  const idle = await agent.program.residentMib()
  using operator = new Operator(agent.tcp, await gateway.issue('olive', 'operator'))
  let drawn = 0
  const command = (register: number) => {
    drawn = (drawn % HIGHEST) + 1
    return operator.command(actuatorAt(register), drawn)
  }
  await timeEach(WARM_UP, async () => {
    signal.throwIfAborted()
    await command(0)
  })
  const before = await agent.program.processorMs()
  const latency: number[] = []
  for (let turn = 0; turn < TURNS; turn += 1) {
    signal.throwIfAborted()
    latency.push(...(await timeEach(TURN, () => command(0))))
  }
  const rate: number[] = []
  for (let turn = 0; turn < LANE_TURNS; turn += 1) {
    signal.throwIfAborted()
    rate.push(await rateOf(ACTUATORS, LANE_TURN, lane => command(lane)))
  }
  const commands = TURNS * TURN + LANE_TURNS * ACTUATORS * LANE_TURN
  const work = ((await agent.program.processorMs()) - before) / commands
  await delay(SETTLE)
  return { latency, rate, work, idle, used: await agent.program.residentMib() }
}

async function bareStart(): Promise<number[]> {
  const began = performance.now()
  await using program = new Program(NODE, ['-e', '0'])
  await program.done()
  return [performance.now() - began]
}

function startFigure(name: string, ours: Sample, limit: Sample, against: string): Figure {
  const also = { fastest: ours.percentile(0), slowest: ours.percentile(100) }
  return figure({ name, unit: 'ms', ours: ours.median, limit: limit.median, better: 'less', against, also })
}

/** What an agent with many devices, each with an actuator, holds in memory when it has just become ready. */
async function memoryOfMany(holdfast: readonly string[]): Promise<number> {
  await using plant = await startPlant({ plant: plantOf(DEVICES) }, { clock: realClock, port: 0 })
  await using gateway = await Gateway.enrol(plant.plcs.map(({ address }) => address))
  await using agent = await gateway.startAgent(holdfast)
  await delay(SETTLE)
  return await agent.program.residentMib()
}

/** What the files of a folder take, in MiB. */
function sizeOf(folder: string): number {
  const files = globSync('**/*', { cwd: folder }).map(file => lstatSync(join(folder, file)))
  return files.filter(found => found.isFile()).reduce((sum, { size }) => sum + size, 0) / MIB
}
