import type { Command } from 'commander'
import { finish } from './options.ts'

/** The audit log. */
export function addAudit(program: Command): void {
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
      finish(await (await import('../../agent/audit/verify-main.ts')).auditVerify({ ...options, path })),
    )
}
