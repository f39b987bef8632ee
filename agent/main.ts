import { fstatSync } from 'node:fs'
import { pino } from 'pino'
import { EXIT } from '../model/exit.ts'
import { plainLines } from '../model/plain.ts'
import { ListenFailure } from './api/listener.ts'
import { startAgent } from './compose.ts'
import { loadConfig } from './config/load.ts'
import { formatProblems } from './config/problem.ts'
import type { Surroundings } from './master-keys.ts'
import { journalStream } from './service/journal.ts'
import { LogOutput } from './service/log-output.ts'
import { notifierFor } from './service/notify.ts'
import { feedWatchdog } from './service/watchdog.ts'
import { StartFailure } from './start-failure.ts'
import { systemClock } from './time/system-clock.ts'

/**
 * `holdfast agent`: runs until SIGTERM or SIGINT. Logs JSON lines on standard output, for the journal. Resolves with the
 * exit code: 0 stopped; what else there is says model/exit.ts, and standard error the reason.
 */
export async function runAgent(
  options: { config: string; logLevel?: string },
  around: Surroundings,
): Promise<number> {
  await using output = new LogOutput(1, systemClock, lines =>
    log.warn({ lost: lines }, 'lines of this log were dropped: nobody had read it for a while'),
  )
  const log = pino(
    { level: options.logLevel ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    journalStream(output, process.env.JOURNAL_STREAM, fstatSync(1)),
  )
  const notify = notifierFor(process.env.NOTIFY_SOCKET, detail => log.warn(detail))
  // The status too: after the last of many attempts systemd's own lines have pushed the reason out of those that `systemctl status` shows.
  const notStarted = async (reason: string): Promise<void> => {
    process.stderr.write(plainLines(`${reason}\n`))
    await notify.status(`not started: ${reason.split('\n', 1)[0]}`)
  }
  const loaded = await loadConfig(options.config)
  if (loaded.kind === 'problems') {
    await notStarted(formatProblems(loaded.problems))
    return loaded.isReadable ? EXIT.usage : EXIT.unreadable
  }
  const stopped = Promise.withResolvers<string>()
  const onSignal = (signal: string) => stopped.resolve(signal)
  // Not `once`: execa's own listener would take the signal for unhandled, and end the process with it.
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)

  try {
    await using agent = await startAgent(loaded.config, log, around)
    const troubles = agent.troubles()
    const status = describe(troubles)
    for (const { name, address } of agent.listening) log.info({ listener: name, address }, 'listening')
    log.info({ event: 'ready', ready_ms: Math.round(systemClock.monotonic()), troubles }, status)
    await notify.ready(status)
    const quiet = new AbortController()
    agent.watchCondition(now => void notify.status(describe(now)), quiet.signal)
    feedWatchdog(
      process.env.WATCHDOG_USEC,
      () => notify.alive(),
      () => agent.stuck(),
      systemClock,
      quiet.signal,
    )
    const signal = await stopped.promise
    quiet.abort()
    log.info({ event: 'stopping', signal }, 'stopping')
    await notify.stopping(agent.stopTime)
  } catch (error) {
    if (!(error instanceof StartFailure || error instanceof ListenFailure)) throw error
    await notStarted(error.message)
    return EXIT[error.obstacle]
  }
  return EXIT.done
}

/** The agent's condition in one line, for systemctl. */
function describe(troubles: readonly string[]): string {
  return troubles.length === 0
    ? 'carrying out commands'
    : `not carrying out every command: ${troubles.join('; ')}`
}
