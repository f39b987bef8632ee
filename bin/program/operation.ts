import type { Command } from 'commander'
import type { SessionOptions } from '../../console/session.ts'
import { around, finish, interrupted, withAdmin, withAgent } from './options.ts'

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

  withAgent(program.command('trip'))
    .description('drive an actuator to its safe state and keep it there until it is reset')
    .argument('<actuator>', 'its id, as `status` shows it')
    .option('--reason <text>', 'why, for the audit log')
    .action(async (actuator, options: SessionOptions) =>
      finish(await (await import('../../console/intervention.ts')).trip(actuator, options, around)),
    )

  withAgent(program.command('acknowledge'))
    .description('say that you have seen a trip; nothing moves')
    .argument('<actuator>', 'its id, as `status` shows it')
    .action(async (actuator, options: SessionOptions) =>
      finish(await (await import('../../console/intervention.ts')).acknowledge(actuator, options, around)),
    )

  withAgent(program.command('reset'))
    .description('reset a trip once its cause is healthy; nothing moves')
    .argument('<actuator>', 'its id, as `status` shows it')
    .option('--reason <text>', 'why, for the audit log')
    .action(async (actuator, options: SessionOptions) =>
      finish(await (await import('../../console/command.ts')).reset(actuator, options, around)),
    )

  addAlarms(program)

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

  withAgent(program.command('heartbeat'))
    .description(
      'show that somebody is there, for actuators that go to safe otherwise; until it is interrupted',
    )
    .argument('<actuator...>', 'their ids')
    .option('--every <duration>', 'how often', '5s')
    .action(async (actuators, options) =>
      finish(
        await (await import('../../console/intervention.ts')).heartbeat(
          actuators,
          options,
          around,
          interrupted(),
        ),
      ),
    )

  const listener = program.command('listener').description('listeners that attacks have closed')
  withAdmin(listener.command('open'))
    .description('open one again')
    .argument('<listener>', 'its name, as `status` shows it')
    .option('--reason <text>', 'why, for the audit log')
    .action(async (name, options) =>
      finish(await (await import('../../console/intervention.ts')).openListener(name, options, around)),
    )

  const suspension = program
    .command('suspension')
    .description('identities that authentication failures have suspended')
  withAdmin(suspension.command('lift'))
    .description('let one command again; nothing moves, and no trip is reset')
    .argument('<identity>', 'as `status` shows it: "subject alice"')
    .option('--reason <text>', 'why, for the audit log')
    .action(async (identity, options) =>
      finish(await (await import('../../console/intervention.ts')).liftSuspension(identity, options, around)),
    )
}

/** Alarms, and what people do about them. */
function addAlarms(program: Command): void {
  withAgent(program.command('alarms'))
    .description('show the alarms that stand: what each says, and what to do about it')
    .action(async (options: SessionOptions) =>
      finish(await (await import('../../console/alarm.ts')).alarms(options, around)),
    )

  const alarm = program.command('alarm').description('what people do about an alarm')
  alarm
    .command('explain')
    .description('say what an alarm means: its cause, what comes of it, what to do; asks no agent')
    .argument('[name]', 'its name; all of them unless given')
    .option('--json', 'print JSON')
    .action(async (name, options) =>
      finish((await import('../../console/alarm-explanation.ts')).explainAlarm(name, options, around)),
    )

  withAgent(alarm.command('acknowledge'))
    .description('say that you have seen it; ends one whose end the agent cannot see')
    .argument('<alarm>', 'its id, as `alarms` shows it, or a name: all of that name')
    .action(async (which, options: SessionOptions) =>
      finish(await (await import('../../console/alarm.ts')).acknowledgeAlarm(which, options, around)),
    )

  withAgent(alarm.command('shelve'))
    .description('hear nothing of it for a while; not for critical ones')
    .argument('<alarm>', 'its id, as `alarms` shows it, or a name: all of that name')
    .requiredOption('--for <duration>', 'how long, such as 1h; 24h at most')
    .requiredOption('--reason <text>', 'why, for everybody who looks for it')
    .action(async (which, options) =>
      finish(await (await import('../../console/alarm.ts')).shelveAlarm(which, options, around)),
    )

  withAgent(alarm.command('unshelve'))
    .description('hear of it again before its time')
    .argument('<alarm>', 'its id, as `alarms` shows it, or a name: all of that name')
    .action(async (which, options: SessionOptions) =>
      finish(await (await import('../../console/alarm.ts')).unshelveAlarm(which, options, around)),
    )
}
