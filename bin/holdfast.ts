import { readFileSync } from 'node:fs'
import { type Command, CommanderError } from 'commander'
import { EXIT } from '../model/exit.ts'
import { holdfastCommands } from './program/commands.ts'
import { around } from './program/options.ts'
import { usage } from './program/usage.ts'

// The one place that knows every program there is. Each is loaded when it is called, so that none waits for another.

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const program = holdfastCommands(version)

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
