import { Command, InvalidArgumentError, Option } from 'commander'

/** The command `holdfast simulate`; `finish` is told its exit code. */
export function simulateCommand(finish: (code: number) => void): Command {
  return new Command('simulate')
    .description('run a simulated plant and its PLC, until SIGTERM')
    .argument('[plant]', 'the plant file; a scenario names its own')
    .addOption(
      new Option(
        '--scenario <file...>',
        'play scenarios instead, in virtual time: exits with 0 when all went as expected, with 3 when not',
      ).conflicts(['fault', 'faultFile', 'stepped', 'control']),
    )
    .option('--host <address>', "listen there, instead of the plant file's address")
    .option('--port <port>', "listen there, instead of the plant file's port; 0 takes a free one", readPort)
    .option('--seed <n>', "the seed of all chance, instead of the plant file's", readSeed)
    .option('--speed <n>', 'run n times as fast as real time: 60 makes a minute a second', readSpeed)
    .option('--stepped', 'let time stand still until the control port advances it')
    .option(
      '--control <[host:]port>',
      'serve state, faults, time and a picture of the plant over HTTP; on 127.0.0.1 unless a host is given',
      readControl,
    )
    .option(
      '--fault <fault...>',
      'what is wrong from the start: stuck,element=inlet-valve (docs/SIMULATOR.md lists them all)',
    )
    .option(
      '--fault-file <file>',
      'what is wrong for as long as this file lists it, as the plant file does; edit it while the plant runs',
    )
    .option('--json', 'print JSON')
    .action(async (plantFile, options, command) => {
      if ((plantFile === undefined) === (options.scenario === undefined)) {
        command.error('error: give either a plant file or --scenario')
      }
      if (options.stepped && !options.control) command.error('error: --stepped needs --control')
      const run = options.scenario
        ? (await import('../../simulator/scenario/main.ts')).playScenarios({
            ...options,
            files: options.scenario,
          })
        : (await import('../../simulator/main.ts')).simulate({ ...options, faults: options.fault, plantFile })
      finish(await run)
    })
}

function readPort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port
  throw new InvalidArgumentError('expected a port from 0 to 65535')
}

/** An address as `--control` has it: a port, or host:port. */
export function readControl(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':')
  const host = colon < 0 ? '127.0.0.1' : text.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  if (host === '') throw new InvalidArgumentError('expected a port, or host:port')
  return { host, port: readPort(text.slice(colon + 1)) }
}

function readSeed(text: string): number {
  const seed = Number(text)
  if (/^[0-9]+$/.test(text) && seed <= 0xffff_ffff) return seed
  throw new InvalidArgumentError('expected a whole number from 0 to 4294967295')
}

function readSpeed(text: string): number {
  const speed = Number(text)
  if (speed > 0 && speed <= 1000) return speed
  throw new InvalidArgumentError('expected a number more than 0, up to 1000')
}
