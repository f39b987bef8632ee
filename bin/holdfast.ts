import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { systemClock } from '../agent/time/system-clock.ts'
import { EXIT } from '../console/exit.ts'
import { auditCommand } from './program/audit.ts'
import { addCredentials } from './program/credentials.ts'
import { addDevices } from './program/device.ts'
import { addHost } from './program/host.ts'
import { addInit } from './program/init.ts'
import { addOperation } from './program/operation.ts'
import { around, finish } from './program/options.ts'
import { usage } from './program/usage.ts'

// The one place that knows every program there is. Each is loaded when it is called, so that none waits for another.

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const program = new Command('holdfast')
  .description(
    'Stands between operators and actuators: carries out signed commands, and puts actuators into their safe state when authentication keeps failing.\n' +
      'It is not a safety instrumented system (IEC 61511): it does not replace one.',
  )
  .version(version)
  .showHelpAfterError('(--help shows how it is called)')
  .addHelpText(
    'after',
    '\nExit codes: 0 done or verified, 1 a mistake of holdfast, 2 usage or configuration, 3 refused,\n            4 mismatch, unknown or tampered, 5 no agent answers,\n            6 to 14 something keeps the agent from starting: docs/runbooks/install.md.',
  )

addInit(program)
addHost(program)
addCredentials(program)
addOperation(program)
addDevices(program)
program.addCommand(auditCommand(finish, version, systemClock).copyInheritedSettings(program))

const settle = (command: Command): void => {
  command.exitOverride().configureOutput(usage)
  for (const child of command.commands) settle(child)
}
settle(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
  else {
    // Ours. The message is enough for a report; a stack helps nobody on shift, and HOLDFAST_DEBUG shows it.
    around.err(
      `holdfast: ${process.env.HOLDFAST_DEBUG ? (error as Error).stack : (error as Error).message}\nThis is a mistake in holdfast; please report it.\n`,
    )
    process.exitCode = EXIT.bug
  }
}
