import { EventEmitter } from 'node:events'
import { read as readFile } from 'node:fs'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import type { Millis } from '../../model/time.ts'
import { Echo } from './echo.ts'
import type { Way } from './link.ts'
import { Rtu } from './rtu.ts'

export interface SerialLine {
  /** `/dev/ttyS0`, or better a name under `/dev/serial/by-id` that survives replugging. */
  readonly path: string
  readonly baudRate: number
  /** RTU sends bytes as they are (MODBUS over Serial Line V1.02 §2.5.1); seven bits are for ASCII mode, which is not spoken here. */
  readonly dataBits: 8
  readonly parity: 'none' | 'even' | 'odd'
  readonly stopBits: 1 | 2
}

/** Modbus RTU over a serial line of this machine. The package that opens the port is loaded when the first one is. */
export function serialWay(line: SerialLine): Way {
  const echo = new Echo()
  return {
    name: line.path,
    framing: () => new Rtu(silence(line.baudRate), echo),
    open: signal => openSerial(line, signal),
  }
}

/** 3.5 characters of 11 bits, and 1.75 ms above 19200 baud (MODBUS over Serial Line V1.02 §2.5.1.1). */
function silence(baudRate: number): Millis {
  return baudRate > 19_200 ? 1.75 : (3.5 * 11 * 1000) / baudRate
}

async function openSerial(line: SerialLine, signal: AbortSignal): Promise<Duplex> {
  const { SerialPort } = await import('serialport')
  /** Its `destroy` would leave the port open: nobody told the package that streams have one. */
  class Port extends SerialPort {
    override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
      if (this.isOpen) this.close(() => callback(error))
      else callback(error)
    }
  }
  // Locked: a second master on the line would make both see each other's answers.
  const port = new Port({ ...line, autoOpen: false, lock: true })
  const prepare = () => {
    nudgeOnEvents(port.port)
    if (isPolled(port.port)) port.port.read = readsOf(port.port)
  }
  await makeReady(port, prepare, signal)
  return port
}

/** A port that is not open yet. */
export interface ClosedPort {
  open(opened: (error?: Error | null) => void): void
  flush(flushed: () => void): void
  destroy(): unknown
}

/**
 * Opens a port, prepares it, and clears away what the line has gathered before: that belongs to nobody. A driver of the kernel can
 * hang in each of that. Rejects at once when the signal aborts; what opens after that is closed.
 */
export async function makeReady(port: ClosedPort, prepare: () => void, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const gone = Promise.withResolvers<never>()
  const onAbort = () => gone.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const opened = new Promise<void>((resolve, reject) =>
    port.open(error => (error ? reject(error) : resolve())),
  )
  try {
    await Promise.race([opened, gone.promise])
    prepare()
    await Promise.race([new Promise<void>(resolve => port.flush(resolve)), gone.promise])
  } catch (error) {
    opened.then(
      () => port.destroy(),
      () => {},
    )
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** What the package opens on Linux: a file that does not block, and what tells when it can be read. */
export interface PolledPort {
  readonly isOpen: boolean
  readonly fd: number | null
  readonly poller: {
    once(event: 'readable', listener: (error: Error | null) => void): unknown
  }
}

function isPolled(port: object | undefined): port is PolledPort & NonNullable<typeof port> {
  return port !== undefined && 'poller' in port && 'fd' in port
}

const readSome = promisify(readFile)

/**
 * Reads of a port, in place of the package's own. Whoever pulls the adapter out hangs the line up, and from then on the kernel has
 * nothing to read, at once and for ever (`hung_up_tty_read` in Linux's drivers/tty/tty_io.c): the package would ask again and
 * again, with a whole processor, and never say that the line is gone. Rejects with `canceled` when the port was closed.
 */
export function readsOf(port: PolledPort) {
  return async (buffer: Buffer, offset: number, length: number) => {
    while (true) {
      if (!port.isOpen || port.fd === null)
        throw Object.assign(new Error('the port is closed'), { canceled: true })
      try {
        const { bytesRead } = await readSome(port.fd, buffer, offset, length, null)
        if (bytesRead > 0) return { bytesRead, buffer }
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        if (code === 'EINTR') continue
        if (code !== 'EAGAIN') throw error
        await new Promise<void>((resolve, reject) =>
          port.poller.once('readable', trouble => (trouble ? reject(trouble) : resolve())),
        )
        continue
      }
      throw Object.assign(new Error('the serial line was hung up: is its adapter still there?'), {
        disconnect: true,
      })
    }
  }
}

/**
 * The package resolves its promises from native code in a way after which Node 26 does not go on by itself, so that what has
 * been read is seen only when something else happens (serialport/bindings-cpp, pull request 239). This makes something happen.
 */
function nudgeOnEvents(binding: object | undefined): void {
  const poller = binding && 'poller' in binding ? binding.poller : undefined
  if (!(poller instanceof EventEmitter)) return
  for (const event of ['readable', 'writable', 'disconnect']) poller.on(event, () => setImmediate(() => {}))
}
