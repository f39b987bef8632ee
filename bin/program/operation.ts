import type { Command } from 'commander'
import type { SessionOptions } from '../../console/session.ts'
import { around, finish, withAgent } from './options.ts'

/** What an operator does: selections, commands, status, resets, lockouts. */
export function addOperation(program: Command): void {
  withAgent(program.command('command'))
    .description('set an actuator and wait until its feedback shows it')
    .argument('<actuator>', 'its id, as `status` shows it')
    .argument('<setpoint>', 'a position such as open, or a value')
    .option('--reason <text>', 'why, for the audit log')
    .option('--select', 'select it first, in one go: for scripts, which cannot look in between')
    .action(async (actuator, setpoint, options: SessionOptions) =>
      finish(await (await import('../../console/command.ts')).command(actuator, setpoint, options, around)),
    )

  withAgent(program.command('select'))
    .description('say what a command is going to ask for, where the actuator wants that; nothing moves')
    .argument('<actuator>', 'its id, as `status` shows it')
    .argument('<setpoint>', 'the exact setpoint of the command that follows')
    .option('--reason <text>', 'why, for the audit log')
    .action(async (actuator, setpoint, options: SessionOptions) =>
      finish(await (await import('../../console/command.ts')).select(actuator, setpoint, options, around)),
    )

  withAgent(program.command('status'))
    .description('show the agent and every actuator, read from the devices now')
    .action(async (options: SessionOptions) =>
      finish(await (await import('../../console/status.ts')).status(options, around)),
    )

  withAgent(program.command('reset'))
    .description('reset a trip once its cause is healthy; nothing moves')
    .argument('<actuator>', 'its id, as `status` shows it')
    .option('--reason <text>', 'why, for the audit log')
    .action(async (actuator, options: SessionOptions) =>
      finish(await (await import('../../console/command.ts')).reset(actuator, options, around)),
    )

  const lockout = program
    .command('lockout')
    .description('lock an actuator out while somebody works on it: beside the padlock, never in its place')
  withAgent(lockout.command('set'))
    .description('refuse commands away from the safe state; commands towards it and trips still act')
    .argument('<actuator>', 'its id, as `status` shows it')
    .requiredOption('--reason <text>', 'why, for everybody who meets it')
    .requiredOption('--until <end>', 'how long, such as 8h, or until when: 2026-01-31T18:00:00+01:00')
    .action(async (actuator, options) =>
      finish(await (await import('../../console/lockout.ts')).setLockout(actuator, options, around)),
    )

  withAgent(lockout.command('remove'))
    .description('end a lockout before its time: your own, or as an admin anybody’s; nothing moves')
    .argument('<actuator>', 'its id, as `status` shows it')
    .option('--of <subject>', 'whose lockout; your own unless given')
    .option('--reason <text>', 'why, for the audit log')
    .action(async (actuator, options) =>
      finish(await (await import('../../console/lockout.ts')).removeLockout(actuator, options, around)),
    )
}
