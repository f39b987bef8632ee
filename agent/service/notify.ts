import { execa } from 'execa'
import type { Millis } from '../../model/time.ts'

/** TimeoutStopSec= of the unit: for what is under way, and for closing the log. */
const STOP_MS: Millis = 60_000

/** Tells systemd how the service is (sd_notify(3)). Where nobody listens, it does nothing. */
export interface Notifier {
  ready(status: string): Promise<void>
  status(status: string): Promise<void>
  /** `longer` is what it needs to stop beyond what the unit gives every service of ours. */
  stopping(longer: Millis): Promise<void>
  alive(): Promise<void>
}

/**
 * A notifier for this environment. Node has no datagram sockets of the AF_UNIX kind, so systemd's own command sends
 * the messages; the unit has `NotifyAccess=all` for that. A message that cannot be sent is reported once and then let be.
 */
export function notifierFor(socket: string | undefined, onTrouble: (detail: string) => void): Notifier {
  let told = false
  const send = async (...fields: readonly string[]): Promise<void> => {
    if (!socket) return
    const result = await execa('systemd-notify', fields, {
      env: { NOTIFY_SOCKET: socket },
      reject: false,
      stdin: 'ignore',
      timeout: 5000,
    })
    if (!result.failed || told) return
    told = true
    onTrouble(
      `systemd-notify failed: ${result.code ?? `exit status ${result.exitCode}`}; is the package systemd installed?`,
    )
  }
  return {
    ready: status => send('--ready', `--status=${status}`),
    status: status => send(`--status=${status}`),
    stopping: longer =>
      send(
        'STOPPING=1',
        // The unit's own TimeoutStopSec= cannot know how long a plant's actuators take. In microseconds, from now.
        ...(longer > 0 ? [`EXTEND_TIMEOUT_USEC=${Math.ceil(STOP_MS + longer) * 1000}`] : []),
      ),
    alive: () => send('WATCHDOG=1'),
  }
}
