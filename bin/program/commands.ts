import { Command } from 'commander'
import { systemClock } from '../../agent/time/system-clock.ts'
import { auditCommand } from './audit.ts'
import { addCredentials } from './credentials.ts'
import { addDevices } from './device.ts'
import { addHost } from './host.ts'
import { addInit } from './init.ts'
import { addOperation } from './operation.ts'
import { finish } from './options.ts'

/** Every command there is, as the tree that `holdfast` takes. */
export function holdfastCommands(version: string): Command {
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
  return program
}
