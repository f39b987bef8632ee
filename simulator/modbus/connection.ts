import type { Socket } from 'node:net'
import type { Clock, MonotonicMs } from '../../model/time.ts'
import type { ModbusDevice } from './device.ts'
import type { Frame } from './frame.ts'
import type { Framing } from './framing.ts'

/**
 * One client's connection, or one serial line: bytes in, frames to the device, its answers out in the order of the
 * requests.
 */
export class ModbusConnection {
  readonly #socket: Socket
  readonly #device: ModbusDevice
  readonly #framing: Framing
  readonly #clock: Clock
  #closed = new AbortController()
  #isHanging = false
  /** Bytes of a frame that is not complete yet: fewer than 260. */
  #rest: Buffer = Buffer.alloc(0)
  /** Answers that are not due yet, oldest first; a later request's answer queues behind them. */
  readonly #late: { readonly due: MonotonicMs; readonly bytes: Buffer }[] = []

  constructor(socket: Socket, device: ModbusDevice, framing: Framing, clock: Clock) {
    this.#socket = socket
    this.#device = device
    this.#framing = framing
    this.#clock = clock
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => socket.resume())
    // 'close' follows: a client that vanishes is its own affair.
    socket.on('error', () => {})
    socket.on('close', () => this.#closed.abort())
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Hears and answers nothing from now on, and does not close. */
  hang(): void {
    this.#isHanging = true
    this.#closed.abort()
  }

  /** Hears and answers again; what came meanwhile is lost. */
  resume(): void {
    if (!this.#isHanging) return
    this.#isHanging = false
    this.#closed = new AbortController()
    this.#rest = Buffer.alloc(0)
    this.#late.length = 0
  }

  /** Closes as a peer does that has forgotten the connection (RST). */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  #receive(chunk: Buffer): void {
    if (this.#isHanging) return
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const answers: Buffer[] = []
    for (;;) {
      const taken = this.#framing.take(bytes)
      if (taken.kind === 'frame') {
        const answer = this.#answer(taken.frame)
        if (answer) answers.push(answer)
        bytes = taken.rest
        continue
      }
      this.#rest = taken.kind === 'incomplete' ? taken.rest : bytes
      this.#send(answers)
      if (taken.kind === 'malformed') this.#socket.destroySoon()
      return
    }
  }

  /** What can leave now for a frame; what leaves later, or never, is seen to. */
  #answer(frame: Frame): Buffer | undefined {
    const reply = this.#device.answer(frame, this.#framing.isBus)
    if (reply === undefined) return undefined
    const bytes = this.#framing.format({ transaction: frame.transaction, unit: frame.unit, pdu: reply.pdu })
    if (reply.delay === 0 && this.#late.length === 0) return bytes
    this.#late.push({ due: this.#clock.monotonic() + reply.delay, bytes })
    if (this.#late.length === 1) void this.#sendLate()
    return undefined
  }

  async #sendLate(): Promise<void> {
    for (let head = this.#late[0]; head && !this.#closed.signal.aborted; head = this.#late[0]) {
      await this.#clock.sleep(Math.max(0, head.due - this.#clock.monotonic()), this.#closed.signal)
      this.#send([head.bytes])
      this.#late.shift()
    }
  }

  /** One write for all that is ready. A client that sends and does not read is not read from until it does. */
  #send(answers: readonly Buffer[]): void {
    if (answers.length === 0 || this.#socket.destroyed) return
    if (!this.#socket.write(Buffer.concat(answers))) this.#socket.pause()
  }
}
