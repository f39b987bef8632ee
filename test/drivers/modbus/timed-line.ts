import { type Duplex, duplexPair } from 'node:stream'
import type { Framing } from '../../../drivers/modbus/framing.ts'
import type { Way } from '../../../drivers/modbus/link.ts'
import { Mbap } from '../../../drivers/modbus/mbap.ts'
import { Rtu } from '../../../drivers/modbus/rtu.ts'
import type { Clock, Millis, MonotonicMs } from '../../../model/time.ts'
import { withCheckSum } from './rtu-gateway.ts'

/** What a unit does with a request: how long it takes to answer, in milliseconds; undefined is never. */
export type Takes = (asked: TimedRequest) => Millis | undefined

export interface TimedRequest {
  readonly at: MonotonicMs
  readonly unit: number
  readonly isWrite: boolean
  /** The address that is read or written first. */
  readonly address: number
}

const READS = new Set([1, 2, 3, 4])

/**
 * A line in the time of a clock, without a socket: units whose holding registers can be read and written (functions 3 and 6), and that
 * take their time. Like a serial line it carries one request at a time: whoever has two out at once is a mistake in the test's subject.
 */
export class TimedLine {
  readonly requests: TimedRequest[] = []
  readonly #clock: Clock
  readonly #takes: Takes
  readonly #kind: 'rtu' | 'tcp'
  readonly #registers = new Map<string, number>()

  constructor(kind: 'rtu' | 'tcp', clock: Clock, takes: Takes) {
    this.#kind = kind
    this.#clock = clock
    this.#takes = takes
  }

  get way(): Way {
    const framing = (): Framing => (this.#kind === 'rtu' ? new Rtu(0) : new Mbap())
    return { name: 'a line', framing, open: async () => this.#open() }
  }

  /** What a register holds; 0 unless it was set or written. */
  holds(unit: number, address: number): number {
    return this.#registers.get(`${unit} ${address}`) ?? 0
  }

  set(unit: number, address: number, value: number): void {
    this.#registers.set(`${unit} ${address}`, value)
  }

  #open(): Duplex {
    const [ours, theirs] = duplexPair()
    theirs.on('error', () => {})
    theirs.on('data', (bytes: Buffer) => void this.#take(bytes, theirs))
    return ours
  }

  async #take(bytes: Buffer, theirs: Duplex): Promise<void> {
    const rtu = this.#kind === 'rtu'
    const head = rtu ? Buffer.alloc(0) : bytes.subarray(0, 4)
    const body = rtu ? bytes.subarray(0, -2) : bytes.subarray(6)
    const [unit = 0, code = 0] = body
    const request = {
      at: this.#clock.monotonic(),
      unit,
      isWrite: !READS.has(code),
      address: body.readUInt16BE(2),
    }
    this.requests.push(request)
    const time = this.#takes(request)
    if (time === undefined) return
    await this.#clock.sleep(time)
    const answer = Buffer.concat([Buffer.of(unit), this.#answer(body)])
    const length = Buffer.of(answer.length >> 8, answer.length & 255)
    theirs.write(rtu ? withCheckSum(answer) : Buffer.concat([head, length, answer]))
  }

  #answer(body: Buffer): Buffer {
    const [unit = 0, code = 0] = body
    const address = body.readUInt16BE(2)
    const last = body.readUInt16BE(4)
    if (!READS.has(code)) {
      this.set(unit, address, last)
      return body.subarray(1)
    }
    const data = Buffer.alloc(2 * last)
    for (let at = 0; at < last; at += 1) data.writeUInt16BE(this.holds(unit, address + at), 2 * at)
    return Buffer.concat([Buffer.of(code, data.length), data])
  }
}
