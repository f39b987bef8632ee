import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../agent/clock.ts'
import { EXIT } from '../console/exit.ts'
import type { SessionOptions, Surroundings } from '../console/session.ts'
import { addDeviceCommands } from './device.ts'

// The one place that knows every program there is. Each is loaded when it is called, so that none waits for another.

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const around: Surroundings = {
  clock: systemClock,
  entropy: randomBytes,
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
}

/** What a source of master keys needs to know of this process. */
const keySurroundings = {
  user: process.getuid?.() ?? 0,
  credentialsDirectory: process.env.CREDENTIALS_DIRECTORY,
}

const finish = (code: number): void => {
  process.exitCode = code
}

const configOption = () =>
  new Option('-c, --config <file>', 'the configuration')
    .default('/etc/holdfast/holdfast.yaml')
    .env('HOLDFAST_CONFIG')

const withAgent = (command: Command): Command =>
  command
    .addOption(
      new Option('-a, --agent <address>', 'http://host:port, https://host:port or unix:/path/to/socket')
        .default('unix:/run/holdfast/operator.sock')
        .env('HOLDFAST_AGENT'),
    )
    .addOption(new Option('--credential <file>', 'the credential to sign with').env('HOLDFAST_CREDENTIAL'))
    .option('--cert <file>', 'for an https agent: the client certificate')
    .option('--key <file>', 'for an https agent: its key')
    .option('--ca <file>', "for an https agent: the authority of the agent's certificate")
    .option('--json', 'print JSON')

const program = new Command('holdfast')
  .description(
    'Stands between operators and actuators: carries out signed commands, and puts actuators into their safe state when authentication keeps failing.\n' +
      'It is not a safety instrumented system (IEC 61511): it does not replace one.',
  )
  .version(version)
  .showHelpAfterError('(--help shows how it is called)')
  .addHelpText(
    'after',
    '\nExit codes: 0 done or verified, 1 a mistake of holdfast, 2 usage or configuration, 3 refused,\n            4 mismatch, unknown or tampered, 5 no agent answers.',
  )

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
    finish(await (await import('../agent/main.ts')).runAgent(options, keySurroundings)),
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
  .option('--json', 'print JSON')
  .action(async options =>
    finish(await (await import('../agent/enroll.ts')).enroll(options, keySurroundings)),
  )

program
  .command('recover')
  .description('put the master key back into the TPM, from shares on standard input, one a line')
  .addOption(configOption())
  .option('--check', 'only say whether the shares give the enrolled key')
  .option('--json', 'print JSON')
  .action(async options =>
    finish(await (await import('../agent/recover.ts')).recover(options, process.stdin)),
  )

const tpm = program.command('tpm').description('look at the TPM')
tpm
  .command('status')
  .description(
    'say what is bound to what, and whether it still works; run it before a reboot has to find out',
  )
  .addOption(configOption())
  .option('--json', 'print JSON')
  .action(async options => finish(await (await import('../agent/recover.ts')).showTpm(options)))

program
  .command('check')
  .description('read a configuration and say everything that is wrong with it')
  .addOption(configOption())
  .argument('[file]', 'the configuration, instead of --config')
  .option('--json', 'print JSON')
  .action(async (file, options) =>
    finish(await (await import('../agent/check.ts')).check({ ...options, config: file ?? options.config })),
  )

addDeviceCommands(program, configOption, finish)

program
  .command('simulate')
  .description('run a simulated plant and its PLC, until SIGTERM')
  .argument('<plant>', 'the plant file')
  .option('--host <address>', "listen there, instead of the plant file's address")
  .option('--port <port>', "listen there, instead of the plant file's port; 0 takes a free one", readPort)
  .option('--json', 'print JSON')
  .action(async (plantFile, options) =>
    finish(await (await import('../simulator/main.ts')).simulate({ ...options, plantFile })),
  )

const withAdmin = (command: Command): Command =>
  command
    .addOption(
      new Option('-a, --agent <address>', 'the admin socket, unix:/path/to/socket')
        .default('unix:/run/holdfast/admin.sock')
        .env('HOLDFAST_ADMIN'),
    )
    .option('--credential <file>', 'a credential of a role that may, where the admin socket cannot be opened')
    .option('--json', 'print JSON')

const outOption = () =>
  new Option('-o, --out <file>', 'the file to write, which must not exist; - prints it').makeOptionMandatory()

const credential = program.command('credential').description('issue, narrow, look at and revoke credentials')
withAdmin(credential.command('issue'))
  .description('issue a credential, through a unix socket of the gateway')
  .requiredOption('--subject <name>', 'whom it is for')
  .requiredOption('--role <role>', 'viewer, operator, engineer or admin')
  .option(
    '--actuator <scope...>',
    'what it reaches: inlet-valve, pump-*, inlet-valve:open|closed, damper:0..50; everything unless given',
  )
  .option(
    '--network <cidr...>',
    'from where it may be used: 10.1.0.0/16, local; from everywhere unless given',
  )
  .option('--rate <n/seconds>', 'how often it may be used: 10/60 is ten times a minute')
  .option('--certificate <sha256>', 'the one client certificate that it may be used with')
  .option('--spiffe <id>', 'the one SPIFFE ID that it may be used with')
  .option('--lifetime <duration>', 'how long it lasts', '15m')
  .addOption(outOption())
  .action(async options =>
    finish(await (await import('../console/credential.ts')).issueCredential(options, around)),
  )

credential
  .command('narrow')
  .description('make a weaker credential from one that you hold; offline')
  .argument('<file>', 'the credential file')
  .argument('<caveat...>', 'what to narrow it by: act=inlet-valve:closed, exp=1795328793, net=10.1.0.0/16')
  .addOption(outOption())
  .action(async (file, caveats, options) =>
    finish(await (await import('../console/credential.ts')).narrowCredential(file, caveats, options, around)),
  )

credential
  .command('show')
  .description('say what a credential file allows, without its secret')
  .argument('<file>', 'the credential file')
  .option('--json', 'print JSON')
  .action(async (file, options) =>
    finish(await (await import('../console/credential.ts')).showCredential(file, options, around)),
  )

withAdmin(credential.command('list'))
  .description('list the credentials that could still be used')
  .action(async options =>
    finish(await (await import('../console/credential.ts')).listCredentials(options, around)),
  )

withAdmin(credential.command('revoke'))
  .description('revoke credentials; acts within the second, and stays')
  .option('--id <credential>', 'this one, as `credential list` and `credential show` name it')
  .option('--subject <name>', 'all that this subject was issued until now')
  .option('--issued-before <time>', 'all that anybody was issued until then, such as 2026-01-31T12:00:00Z')
  .option('--reason <text>', 'why, for the audit log')
  .action(async options =>
    finish(await (await import('../console/credential.ts')).revokeCredential(options, around)),
  )

withAdmin(credential.command('drill'))
  .description(
    'issue, use and revoke a credential that may only look, and show how fast it is refused; moves nothing',
  )
  .option('--at <address>', 'where to use it: the address that operators use')
  .action(async options =>
    finish(await (await import('../console/drill.ts')).drillRevocation(options, around)),
  )

const key = program.command('key').description('the master key')
withAdmin(key.command('rotate'))
  .description('make a new generation of the master key; the one before stays good for the grace')
  .option('--escrow <k-of-n>', 'print n shares of the new key, of which any k give it back: 3-of-5')
  .action(async options => finish(await (await import('../console/key.ts')).rotateKey(options, around)))

withAdmin(key.command('status'))
  .description("show the master key's generations, and until when each is good")
  .action(async options => finish(await (await import('../console/key.ts')).showKey(options, around)))

program
  .command('roles')
  .description('show the roles and what each may do')
  .option('--json', 'print JSON')
  .action(async options => finish((await import('../console/roles.ts')).showRoles(options, around)))

withAgent(program.command('command'))
  .description('set an actuator and wait until its feedback shows it')
  .argument('<actuator>', 'its id, as `status` shows it')
  .argument('<setpoint>', 'a position such as open, or a value')
  .option('--reason <text>', 'why, for the audit log')
  .action(async (actuator, setpoint, options: SessionOptions) =>
    finish(await (await import('../console/command.ts')).command(actuator, setpoint, options, around)),
  )

withAgent(program.command('status'))
  .description('show the agent and every actuator, read from the devices now')
  .action(async (options: SessionOptions) =>
    finish(await (await import('../console/status.ts')).status(options, around)),
  )

withAgent(program.command('reset'))
  .description('reset a trip once its cause is healthy; nothing moves')
  .argument('<actuator>', 'its id, as `status` shows it')
  .option('--reason <text>', 'why, for the audit log')
  .action(async (actuator, options: SessionOptions) =>
    finish(await (await import('../console/command.ts')).reset(actuator, options, around)),
  )

const audit = program.command('audit').description('work with the audit log')
audit
  .command('verify')
  .description('verify an audit log, or a copy of one; needs no agent and no secret')
  .argument('[file]', 'the log', '/var/lib/holdfast/audit.db')
  .option('--key <file>', 'the public key of its checkpoints; audit.vkey beside it unless given')
  .option(
    '--checkpoint <file>',
    'a checkpoint that was kept elsewhere: shows whether the log was cut or rolled back since',
  )
  .option('--json', 'print JSON')
  .action(async (path, options) =>
    finish(await (await import('../agent/audit/verify-main.ts')).auditVerify({ ...options, path })),
  )

function readPort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port
  throw new InvalidArgumentError('expected a port from 0 to 65535')
}

const overrideExits = (command: Command): void => {
  command.exitOverride()
  for (const child of command.commands) overrideExits(child)
}
overrideExits(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
  else {
    // Ours. The message is enough for a report; a stack helps nobody on shift, and HOLDFAST_DEBUG shows it.
    process.stderr.write(
      `holdfast: ${process.env.HOLDFAST_DEBUG ? (error as Error).stack : (error as Error).message}\nThis is a mistake in holdfast; please report it.\n`,
    )
    process.exitCode = EXIT.bug
  }
}
