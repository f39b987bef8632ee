import { execa } from 'execa'

/** Tells systemd how the service is (sd_notify(3)). Where nobody listens, it does nothing. */
export interface Notifier {
  ready(status: string): Promise<void>
  status(status: string): Promise<void>
  stopping(): Promise<void>
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
    stopping: () => send('STOPPING=1'),
    alive: () => send('WATCHDOG=1'),
  }
}
