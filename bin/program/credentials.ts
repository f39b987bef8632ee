import type { Command } from 'commander'
import type { SessionOptions } from '../../console/session.ts'
import { around, configOption, finish, keySurroundings, outOption, withAdmin, withAgent } from './options.ts'

/** Credentials, the keys that they hang on, and the roles that they have. */
export function addCredentials(program: Command): void {
  const credential = program
    .command('credential')
    .description('issue, narrow, look at and revoke credentials')
  withAdmin(credential.command('issue'))
    .description('issue a credential, through a unix socket of the gateway')
    .requiredOption('--subject <name>', 'whom it is for')
    .requiredOption('--role <role>', 'viewer, operator, engineer, admin, or one of your own: holdfast roles')
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
      finish(await (await import('../../console/credential.ts')).issueCredential(options, around)),
    )

  credential
    .command('narrow')
    .description('make a weaker credential from one that you hold; offline')
    .argument('<file>', 'the credential file')
    .argument('<caveat...>', 'what to narrow it by: act=inlet-valve:closed, exp=1795328793, net=10.1.0.0/16')
    .addOption(outOption())
    .option('--json', 'print JSON')
    .action(async (file, caveats, options) =>
      finish(
        await (await import('../../console/credential.ts')).narrowCredential(file, caveats, options, around),
      ),
    )

  credential
    .command('show')
    .description('say what a credential file allows, without its secret')
    .argument('<file>', 'the credential file')
    .option('--json', 'print JSON')
    .action(async (file, options) =>
      finish(await (await import('../../console/credential.ts')).showCredential(file, options, around)),
    )

  withAdmin(credential.command('list'))
    .description('list the credentials that could still be used')
    .action(async options =>
      finish(await (await import('../../console/credential.ts')).listCredentials(options, around)),
    )

  withAdmin(credential.command('revoke'))
    .description('revoke credentials; acts within the second, and stays')
    .option('--id <credential>', 'this one, as `credential list` and `credential show` name it')
    .option('--subject <name>', 'all that this subject was issued until now')
    .option('--issued-before <time>', 'all that anybody was issued until then, such as 2026-01-31T12:00:00Z')
    .option('--reason <text>', 'why, for the audit log')
    .action(async options =>
      finish(await (await import('../../console/credential.ts')).revokeCredential(options, around)),
    )

  withAdmin(credential.command('drill'))
    .description(
      'issue, use and revoke a credential that may only look, and show how fast it is refused; moves nothing',
    )
    .option('--at <address>', 'where to use it: the address that operators use')
    .action(async options =>
      finish(await (await import('../../console/drill.ts')).drillRevocation(options, around)),
    )

  const key = program.command('key').description('the master key')
  withAdmin(key.command('rotate'))
    .description('make a new generation of the master key; the one before stays good for the grace')
    .option('--escrow <k-of-n>', 'print n shares of the new key, of which any k give it back: 3-of-5')
    .action(async options => finish(await (await import('../../console/key.ts')).rotateKey(options, around)))

  withAdmin(key.command('status'))
    .description("show the master key's generations, and until when each is good")
    .action(async options => finish(await (await import('../../console/key.ts')).showKey(options, around)))

  const glass = program
    .command('break-glass')
    .description('the sealed emergency key, for when no credential can be had otherwise')
  withAdmin(glass.command('seal'))
    .description('seal a new emergency key and print the line for its sheet, once')
    .action(async options =>
      finish(await (await import('../../console/break-glass.ts')).sealGlass(options, around)),
    )

  glass
    .command('open')
    .description(
      "open it with the sheet's line on standard input; works from the agent's next start; for root",
    )
    .addOption(configOption())
    .requiredOption('--out <file>', 'where the emergency credential goes')
    .option('--for <duration>', 'how long it is good for, up to 8h', '1h')
    .option('--json', 'print JSON')
    .action(async options =>
      finish(
        await (await import('../../agent/break-glass.ts')).openGlass(
          options,
          process.stdin,
          keySurroundings.user,
        ),
      ),
    )

  withAdmin(glass.command('close'))
    .description('end the emergency: its credential is worth nothing from now on')
    .action(async options =>
      finish(await (await import('../../console/break-glass.ts')).closeGlass(options, around)),
    )

  const clock = program.command('clock').description("the agent's clock")
  withAdmin(clock.command('accept'))
    .description("take the system clock's time for right, after it was set")
    .action(async options =>
      finish(await (await import('../../console/clock.ts')).acceptClock(options, around)),
    )

  withAgent(program.command('roles'))
    .description('show the roles that the agent knows and what each may do')
    .action(async (options: SessionOptions) =>
      finish(await (await import('../../console/roles.ts')).showRoles(options, around)),
    )
}
