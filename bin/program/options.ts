import { randomBytes } from 'node:crypto'
import { type Command, Option } from 'commander'
import { systemClock } from '../../agent/time/system-clock.ts'
import type { Surroundings } from '../../console/session.ts'
import { terminal } from '../../console/terminal.ts'

/** What the parts of the program share: what the world gives them, and the options that mean the same everywhere. */

export const around: Surroundings = {
  clock: systemClock,
  entropy: randomBytes,
  ...terminal(
    text => void process.stdout.write(text),
    text => void process.stderr.write(text),
  ),
}

/** What a source of master keys needs to know of this process. */
export const keySurroundings = {
  user: process.getuid?.() ?? 0,
  credentialsDirectory: process.env.CREDENTIALS_DIRECTORY,
  journalStream: process.env.JOURNAL_STREAM,
}

export const finish = (code: number): void => {
  process.exitCode = code
}

export const configOption = () =>
  new Option('-c, --config <file>', 'the configuration')
    .default('/etc/holdfast/holdfast.yaml')
    .env('HOLDFAST_CONFIG')

export const withAgent = (command: Command): Command =>
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

export const withAdmin = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '-a, --agent <address>',
        'the admin socket, unix:/path/to/socket; or https://host:port, with a credential',
      )
        .default('unix:/run/holdfast/admin.sock')
        .env('HOLDFAST_ADMIN'),
    )
    .option('--credential <file>', 'a credential of a role that may, where the admin socket cannot be opened')
    .option('--cert <file>', 'for an https agent: the client certificate')
    .option('--key <file>', 'for an https agent: its key')
    .option('--ca <file>', "for an https agent: the authority of the agent's certificate")
    .option('--json', 'print JSON')

export const outOption = () =>
  new Option('-o, --out <file>', 'the file to write, which must not exist; - prints it').makeOptionMandatory()

/** Aborts when somebody ends the program: for what goes on until then. */
export function interrupted(): AbortSignal {
  const controller = new AbortController()
  process.on('SIGTERM', () => controller.abort()).on('SIGINT', () => controller.abort())
  return controller.signal
}
