import { EXIT } from '../../model/exit.ts'
import type { Clock } from '../../model/time.ts'
import { PlantFileError } from '../plant-file/problem.ts'
import { realClock } from '../real-clock.ts'
import { ScaledClock } from '../scaled-clock.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { type Playing, playScenario, type StepResult } from './play.ts'
import { readScenario, type Scenario, ScenarioFileError } from './read.ts'

export interface ScenarioOptions {
  readonly files: readonly string[]
  /**
   * So many times as fast as real time, and served at the plant file's address; virtual time, on free ports, unless
   * given.
   */
  readonly speed?: number | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** Instead of the scenario's. */
  readonly seed?: number | undefined
  readonly json?: boolean | undefined
}

/**
 * Plays scenarios: `holdfast simulate --scenario`. Says on standard output what became of each step. Resolves with the
 * exit code: 0 when every expectation held, 3 when one did not, 2 when a file cannot be used, with the reason on
 * standard error. All files are read before the first is played.
 */
export async function playScenarios(options: ScenarioOptions): Promise<number> {
  const scenarios: Scenario[] = []
  for (const file of options.files) {
    const read = await readOrExplain(file)
    if (typeof read === 'string') {
      process.stderr.write(`${read}\n`)
      return EXIT.usage
    }
    scenarios.push(read)
  }
  let hasPassed = true
  for (const scenario of scenarios) hasPassed = (await play(scenario, options)) && hasPassed
  return hasPassed ? EXIT.done : EXIT.refused
}

async function play(scenario: Scenario, options: ScenarioOptions): Promise<boolean> {
  const { scenario: name } = scenario.spec
  const print = (json: object, words: string) =>
    void process.stdout.write(`${options.json ? JSON.stringify(json) : words}\n`)
  print({ scenario: name, plant: scenario.plant.plant }, `${name} (${scenario.plant.plant})`)
  const failed: StepResult[] = []
  await playScenario(scenario, timeOf(options), result => {
    if (!result.passed) failed.push(result)
    print(result, describeResult(result))
  })
  const words = failed.map(({ place, what, found }) => `FAILED ${place}: ${what}; found ${found}`)
  print(
    { scenario: name, passed: failed.length === 0, failed: failed.length },
    [...words, failed.length === 0 ? 'passed\n' : `failed: ${failed.length}\n`].join('\n'),
  )
  return failed.length === 0
}

function timeOf({ speed, host, port, seed }: ScenarioOptions): Playing {
  const override = seed === undefined ? {} : { seed }
  if (speed !== undefined) {
    const clock: Clock = new ScaledClock(realClock, speed)
    return { clock, pass: (ms, settled) => clock.sleep(ms, settled), host, port, ...override }
  }
  const clock = new VirtualClock()
  return {
    clock,
    pass: ms => clock.advance(ms),
    host: '127.0.0.1',
    port: 0,
    serial: false,
    opcua: false,
    ...override,
  }
}

function describeResult({ at, what, passed, found }: StepResult): string {
  const detail = found === undefined ? '' : `: ${found}`
  return `${(at / 1000).toFixed(3).padStart(9)} s  ${passed ? 'ok    ' : 'FAILED'}  ${what}${detail}`
}

/** The scenario, or in words why it cannot be played and what to do about it. */
async function readOrExplain(file: string): Promise<Scenario | string> {
  try {
    return await readScenario(file)
  } catch (error) {
    if (error instanceof ScenarioFileError || error instanceof PlantFileError) {
      const whose = error instanceof PlantFileError ? `the plant of ${file}` : file
      const count = error.lines.length === 1 ? 'one problem' : `${error.lines.length} problems`
      return `${error.message}\nNothing was played: correct ${count} in ${whose} and try again.`
    }
    const failed = error as NodeJS.ErrnoException
    if (failed.code === 'ENOENT') {
      return failed.path === file
        ? `There is no scenario file ${file}.`
        : `There is no plant file ${failed.path}, which ${file} names in plant. It is looked for from the scenario's folder.`
    }
    if (failed.code === undefined) throw error
    return `${failed.path ?? file} cannot be read (${failed.code}). Check its path and permissions.`
  }
}
