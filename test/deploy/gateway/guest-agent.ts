import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { PLAIN } from './debian.ts'
import type { Answer } from './machine.ts'
import { Monitor } from './monitor.ts'

const POLL_MS = 100

interface Status {
  readonly exited: boolean
  readonly exitcode?: number
  readonly 'out-data'?: string
  readonly 'err-data'?: string
}

/** Hands inside a virtual machine: qemu-ga, which runs programs there as root, and is reached without a network. */
export class GuestAgent implements Disposable {
  readonly #monitor: Monitor

  private constructor(monitor: Monitor) {
    this.#monitor = monitor
  }

  /** Waits until it answers, which is when the machine has booted so far. Rejects when that takes too long, or never happens. */
  static async connect(path: string, deadline: AbortSignal): Promise<GuestAgent> {
    const monitor = await Monitor.connect(path)
    const giveUp = () => monitor[Symbol.dispose]()
    deadline.addEventListener('abort', giveUp)
    // What is sent now waits in the serial line until somebody reads there.
    await monitor.execute('guest-sync', { id: randomInt(2 ** 31) })
    deadline.removeEventListener('abort', giveUp)
    return new GuestAgent(monitor)
  }

  /** Runs a program there, with `input` on its standard input. */
  async run(command: readonly string[], input = ''): Promise<Answer> {
    const { pid } = (await this.#monitor.execute('guest-exec', {
      path: 'env',
      arg: [
        '--ignore-environment',
        ...Object.entries(PLAIN).map(([key, value]) => `${key}=${value}`),
        ...command,
      ],
      'input-data': Buffer.from(input).toString('base64'),
      'capture-output': true,
    })) as { pid: number }
    for (;;) {
      const status = (await this.#monitor.execute('guest-exec-status', { pid })) as Status
      if (status.exited) {
        const text = (data = '') => Buffer.from(data, 'base64').toString().trimEnd()
        return {
          exitCode: status.exitcode,
          stdout: text(status['out-data']),
          stderr: text(status['err-data']),
        }
      }
      await delay(POLL_MS)
    }
  }

  [Symbol.dispose](): void {
    this.#monitor[Symbol.dispose]()
  }
}
