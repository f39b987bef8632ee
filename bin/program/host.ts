import { type Command, Option } from 'commander'
import { faultCommand } from './fault.ts'
import { around, configOption, finish, keySurroundings } from './options.ts'
import { simulateCommand } from './simulate.ts'

/** What is run on the gateway itself: the agent, its enrolment and its configuration; and the simulated plant. */
export function addHost(program: Command): void {
  program
    .command('agent')
    .description('run the agent, until SIGTERM')
    .addOption(configOption())
    .addOption(
      new Option('--log-level <level>', 'least level that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .action(async options =>
      finish(await (await import('../../agent/main.ts')).runAgent(options, keySurroundings)),
    )

  program
    .command('enroll')
    .description('make the master key in the TPM and begin the audit log; once for a gateway')
    .addOption(configOption())
    .addOption(
      new Option(
        '--mode <mode>',
        'resident: the key never leaves the TPM; sealed: for a TPM that cannot compute HMACs',
      )
        .choices(['auto', 'resident', 'sealed'])
        .default('auto'),
    )
    .option('--escrow <k-of-n>', 'print n shares of the key, of which any k give it back: 3-of-5')
    .option('--break-glass', 'seal an emergency key too, and print the line for its sheet')
    .option('--json', 'print JSON')
    .action(async options =>
      finish(await (await import('../../agent/host/enroll.ts')).enroll(options, keySurroundings)),
    )

  program
    .command('recover')
    .description('put the master key back into the TPM, from shares on standard input, one a line')
    .addOption(configOption())
    .option('--check', 'only say whether the shares give the enrolled key')
    .option('--json', 'print JSON')
    .action(async options =>
      finish(await (await import('../../agent/host/recover.ts')).recover(options, process.stdin)),
    )

  const tpm = program.command('tpm').description('look at the TPM')
  tpm
    .command('status')
    .description(
      'say what is bound to what, and whether it still works; run it before a reboot has to find out',
    )
    .addOption(configOption())
    .option('--json', 'print JSON')
    .action(async options => finish(await (await import('../../agent/host/recover.ts')).showTpm(options)))

  program
    .command('check')
    .description('read a configuration and say everything that is wrong with it')
    .addOption(configOption())
    .argument('[file]', 'the configuration, instead of --config')
    .option('--json', 'print JSON')
    .action(async (file, options) =>
      finish(
        await (await import('../../agent/host/check.ts')).check({
          ...options,
          config: file ?? options.config,
        }),
      ),
    )

  program
    .command('doctor')
    .description(
      'look at everything that this gateway stands on, and say what is wrong and what to do about it; changes nothing',
    )
    .addOption(configOption())
    .option('--offline', 'touch no device')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 no errors (warnings are none), 2 the configuration has one, 6 something else has.',
    )
    .action(async options =>
      finish(
        await (await import('../../agent/host/doctor.ts')).doctor(options, { ...around, ...keySurroundings }),
      ),
    )

  program.addCommand(simulateCommand(finish).copyInheritedSettings(program))
  program.addCommand(faultCommand(finish).copyInheritedSettings(program))
}
