import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import type { Clock } from '../../model/time.ts'
import { configOption, interrupted, keySurroundings } from './options.ts'

const logArgument = () => new Argument('[file]', 'the log').default('/var/lib/holdfast/audit.db')

/** The TPM through the kernel's resource manager. */
const TPM = 'device:/dev/tpmrm0'

/** `holdfast audit`: everything that is done with a log's file. None of it needs an agent, and what only reads changes nothing. */
export function auditCommand(finish: (code: number) => void, version: string, clock: Clock): Command {
  const audit = new Command('audit').description('work with the audit log')

  audit
    .command('verify')
    .description('verify an audit log, or a copy of one; needs no agent and no secret')
    .addArgument(logArgument())
    .option(
      '--key <file>',
      'the public key of its checkpoints; audit.vkey beside it unless given. Without one nothing is proven (exit code 2)',
    )
    .option(
      '--checkpoint <file>',
      'a checkpoint that was kept elsewhere: shows whether the log was cut or rolled back since',
    )
    .option('--archive <file>', 'what was pruned: compares it with the hashes that stayed')
    .option(
      '--tpm [tcti]',
      "compare it with this machine's TPM counter: shows whether log and checkpoints were put back together (device:/dev/tpmrm0 unless given)",
    )
    .option('--records-only', 'do not look whether the indexes fit the records; quicker')
    .option('--json', 'print JSON')
    .action(async (path, options) =>
      finish(
        await (await import('../../agent/audit/verify-main.ts')).auditVerify(
          { ...options, path },
          options.tpm &&
            (await import('../../agent/tpm-counter.ts')).countersOf(
              options.tpm === true ? TPM : options.tpm,
              path,
            ),
        ),
      ),
    )

  audit
    .command('query')
    .description('find records, in the log of a running agent too; prints the newest, oldest first')
    .addArgument(logArgument())
    .option('--actor <name>', 'who did it')
    .option('--subject <name>', 'whose credential was issued or revoked')
    .option('--credential <serial>', 'with which credential')
    .option('--actuator <id>', 'with which actuator')
    .option('--kind <kind>', 'such as command-outcome; docs/AUDIT_FORMAT.md lists them')
    .option('--outcome <outcome>', 'verified, mismatch, unknown, accepted or refused')
    .option('--since <time>', 'from then on: 2026-01-31T12:00:00Z, 2026-01-31 (UTC), or 90m, 24h, 7d ago')
    .option('--until <time>', 'before then')
    .addOption(new Option('--limit <n>', 'at most so many').default(100).argParser(readCount))
    .option('--all', 'all of them')
    .addOption(new Option('--json', 'print the records as they are, one a line').conflicts('csv'))
    .option('--csv', 'print CSV')
    .action(async (path, options) =>
      finish(await (await import('../../agent/audit/query-main.ts')).auditQuery({ ...options, path }, clock)),
    )

  audit
    .command('tail')
    .description('print the last records, and each new one as it comes, until interrupted')
    .addArgument(logArgument())
    .addOption(new Option('-n, --lines <n>', 'so many to begin with').default(10).argParser(readCount))
    .option('--json', 'print the records as they are, one a line')
    .action(async (path, options) =>
      finish(
        await (await import('../../agent/audit/tail-main.ts')).auditTail(
          { ...options, path },
          clock,
          interrupted(),
        ),
      ),
    )

  audit
    .command('prove')
    .description(
      'prove that a record is in the log, or that the log only grew; anybody can check it with RFC 6962',
    )
    .addArgument(logArgument())
    .addOption(new Option('--record <n>', 'that this record is in the log').argParser(readCount))
    .option(
      '--since <checkpoint>',
      'that the log only grew since then: a file with a checkpoint, or a number of records',
    )
    .option('--at <checkpoint>', 'the log as it was then; as at its newest signed checkpoint unless given')
    .addOption(
      new Option('--tlog-proof', 'print only the proof of a record, as C2SP tlog-proof').conflicts('json'),
    )
    .option('--json', 'print JSON, as it does unless --tlog-proof is given')
    .action(async (path, options) =>
      finish(await (await import('../../agent/audit/prove-main.ts')).auditProve({ ...options, path })),
    )

  audit
    .command('export')
    .description('print records for another system, one a line, in their order')
    .addArgument(logArgument())
    .addOption(
      new Option('--format <format>', 'jsonl: with proofs; rfc5424: syslog; ocsf; cef')
        .choices(['jsonl', 'rfc5424', 'ocsf', 'cef'])
        .makeOptionMandatory(),
    )
    .addOption(new Option('--after <n>', 'only records after this one').argParser(readCount))
    .option('--since <time>', 'from then on: 2026-01-31T12:00:00Z, 2026-01-31 (UTC), or 90m, 24h, 7d ago')
    .option('--until <time>', 'before then')
    .action(async (path, options) =>
      finish(
        await (await import('../../agent/audit/export-main.ts')).auditExport(
          { ...options, path },
          version,
          clock,
        ),
      ),
    )

  audit
    .command('backup')
    .description('copy the log as it is now into one file, beside a running agent too')
    .addArgument(logArgument())
    .requiredOption('-o, --out <file>', 'the file to make, which must not exist')
    .option('--json', 'print JSON')
    .action(async (path, options) =>
      finish(await (await import('../../agent/audit/backup-main.ts')).auditBackup({ ...options, path })),
    )

  audit
    .command('prune')
    .description("move old records of a stopped agent's log into an archive; their hashes stay")
    .addOption(configOption())
    .requiredOption('--before <time>', 'only records from before then: 2026-01-31 (UTC), or 90d ago')
    .requiredOption('--archive <file>', 'the file to make, which must not exist')
    .option('--json', 'print JSON')
    .action(async options =>
      finish(await (await import('../../agent/host/prune.ts')).prune(options, keySurroundings)),
    )

  audit
    .command('restored')
    .description("say that a stopped agent's log was put back on purpose, from a backup")
    .addOption(configOption())
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', 'print JSON')
    .action(async options =>
      finish(await (await import('../../agent/host/restored.ts')).restored(options, keySurroundings)),
    )

  return audit
}

function readCount(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new InvalidArgumentError('expected a number such as 100')
}
