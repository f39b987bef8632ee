import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { constants, open, readSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { promisify } from 'node:util'
import type { Clock } from '../../model/time.ts'
import type { Link } from '../faults.ts'
import { ModbusConnection } from './connection.ts'
import type { ModbusDevice } from './device.ts'
import { rtuFraming } from './framing.ts'

/**
 * How a serial port is set. The standard asks for 19200 baud and even parity (MODBUS over Serial Line V1.02 §2.5.1).
 */
export interface SerialSettings {
  /** Such as /dev/ttyUSB0, or a pty. */
  readonly path: string
  readonly baud: number
  readonly parity: 'none' | 'even' | 'odd'
  readonly stop_bits: 1 | 2
}

/** Setting a port takes milliseconds; a port that hangs is not waited for. */
const SET_TIMEOUT_MS = 5000

/**
 * A serial line with one Modbus device on it, spoken to in RTU. It is an ordinary terminal device, set by `stty`, so it
 * needs no native module.
 */
export class SerialLine implements Link, AsyncDisposable {
  readonly #settings: SerialSettings
  readonly #device: ModbusDevice
  readonly #clock: Clock
  #port: { readonly stream: ReadStream; readonly connection: ModbusConnection } | undefined
  #isDisposed = false

  /** Nothing is opened until `restore`. */
  constructor(settings: SerialSettings, device: ModbusDevice, clock: Clock) {
    this.#settings = settings
    this.#device = device
    this.#clock = clock
  }

  /** Opens the port, for the first time or again. Rejects with an error that says what is wrong with the port. */
  async restore(): Promise<void> {
    if (this.#port || this.#isDisposed) return
    const { path } = this.#settings
    const objection = await stty(['-F', path, ...sttySettings(this.#settings)])
    if (objection !== undefined) {
      const hint = objection.includes('all requested operations')
        ? '. A pty has no parity: set parity: none'
        : ''
      const reason = objection || 'it does not answer'
      throw new SerialLineError(`${path} cannot be set up as a serial port: ${reason}${hint}`)
    }
    const fd = await promisify(open)(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
    forgetInput(fd)
    // The stream owns the descriptor from here on, and closes it.
    const stream = new ReadStream(fd)
    const connection = new ModbusConnection(stream, this.#device, rtuFraming, this.#clock)
    this.#port = { stream, connection }
    // Such as the other end of a pty that is gone. The next `restore` opens it again.
    stream.once('close', () => {
      if (this.#port?.stream === stream) this.#port = undefined
    })
  }

  async drop(): Promise<void> {
    const port = this.#port
    if (!port) return
    this.#port = undefined
    const closed = once(port.stream, 'close')
    port.connection.close()
    await closed
  }

  hang(): void {
    this.#port?.connection.hang()
  }

  /** A line has nothing to reset: it answers again. */
  reset(): void {
    this.#port?.connection.resume()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    await this.drop()
  }
}

/** A serial port that cannot be used. */
export class SerialLineError extends Error {
  override readonly name = 'SerialLineError'
}

/** Throws away what came while nobody listened: a UART that is closed hears nothing, a pty keeps it. */
function forgetInput(fd: number): void {
  const bytes = Buffer.alloc(4096)
  try {
    while (readSync(fd, bytes) > 0);
  } catch {
    // EAGAIN: there is nothing more. Any other error the stream will meet again, and tell.
  }
}

/** What stty has against these settings: a line, or nothing when it was not waited for; undefined when they are set. */
function stty(settings: readonly string[]): Promise<string | undefined> {
  return new Promise(resolve => {
    execFile('stty', settings, { timeout: SET_TIMEOUT_MS }, (error, _stdout, stderr) =>
      resolve(error ? stderr.trim() : undefined),
    )
  })
}

function sttySettings({ baud, parity, stop_bits }: SerialSettings): string[] {
  const parities = { none: ['-parenb'], even: ['parenb', '-parodd'], odd: ['parenb', 'parodd'] }
  const stop = stop_bits === 2 ? 'cstopb' : '-cstopb'
  return ['raw', '-echo', 'clocal', 'cread', 'cs8', `${baud}`, ...parities[parity], stop]
}
