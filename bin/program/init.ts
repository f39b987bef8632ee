import { type Command, Option } from 'commander'
import { around, configOption, finish, interrupted, keySurroundings } from './options.ts'

/** `holdfast init`, the first command on a gateway: every question that it asks has an option. */
export function addInit(program: Command): void {
  program
    .command('init')
    .description(
      'write a first configuration, make the master key and issue the first credential; asks what is not given, and writes over nothing',
    )
    .addOption(configOption())
    .option('--environment <name>', 'the plant; part of every key')
    .option('--gateway <name>', "this gateway; the host's name unless given")
    .addOption(
      new Option(
        '--key <place>',
        'where the master key is kept; tpm where there is one. file: IN CLEAR on the disk',
      ).choices(['tpm', 'systemd-credential', 'file']),
    )
    .option(
      '--tcti <tcti>',
      'how the TPM is reached; for a trial, one in software: swtpm:path=/run/swtpm.sock',
    )
    .option('--escrow <k-of-n>', 'print n shares of the key, of which any k give it back: 3-of-5; or none')
    .option('--listen <host:port>', 'take commands over the network there; or none')
    .option('--networks <cidrs>', 'who may connect there: 10.1.0.0/16,10.2.0.0/16')
    .option('--forgeries <do>', 'what forged commands there do: alarm, or count (they may drive to safe)')
    .option('--device <host:port>', 'the first device, over Modbus TCP; or later')
    .option('--unit <n>', 'its unit identifier')
    .option('--valve <name>', 'a valve on it')
    .option('--command <point>', 'what commands it: coil:0')
    .option('--feedback <point>', 'what shows where it is: input_register:0')
    .option('--closed <write,feedback>', 'the value that closes it and the one that shows it: 0,0')
    .option('--open <write,feedback>', 'the same for open: 1,1000')
    .option('--tolerance <n>', 'how far the feedback may be off')
    .option('--travel-time <duration>', 'the longest that it travels: 30s')
    .option('--safe <position>', 'where it is safe: closed, open or hold')
    .option('--admin <name>', 'whom the first credential is for')
    .option('--credential <file>', 'where that goes; <admin>.credential here unless given')
    .option('-y, --yes', 'ask nothing: take what is given, and for the rest what goes without saying')
    .option('--dry-run', 'write nothing, and show what would be written')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 2 an option is wrong or missing, 3 nobody confirmed it, 6 the host is in its way.\nInterrupted, it is run again: it goes on from where it was.',
    )
    .action(async options =>
      finish(
        await (await import('../../agent/host/init.ts')).init(options, {
          ...around,
          stdin: process.stdin,
          stderr: process.stderr,
          user: keySurroundings.user,
          // In a checkout nobody finds it by its name.
          holdfast: /^(.*\/bin\/holdfast)\.ts$/.exec(process.argv[1] ?? '')?.[1] ?? 'holdfast',
          signal: interrupted(),
        }),
      ),
    )
}
